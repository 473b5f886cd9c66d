"""The little English that captions need: a, an or nothing before a noun, and which nouns are alive.

Rules with short lists of exceptions, ``assets/words/{plurals,singulars,living}.txt``. Whoever knows better says so: a class
noun is written as it should be read ("pair of boots"), and ``subjects.living`` overrides the lexicon.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

# spelled with a vowel, spoken with a consonant: "a unicorn", "a European", "a one-eyed cat", "a ukulele"
SPOKEN_AS_CONSONANT = re.compile(r"uni(?=[cfqtvosy-]|la|$)|u[bkrst][aeiou]|util|usu|eu|ewe|on(?:e|ce)\b|ouija")
# spelled with a consonant, spoken with a vowel: "an hour", "an x-ray", "an 8-bit cat", "an 11-year-old"
SPOKEN_AS_VOWEL = re.compile(r"hour|honest|honor|honour|heir|[fhlmnrsx]\b|8|11\b|18\b")
# words before a living noun that make a thing of it: "teddy bear", "rubber duck"
MADE_OF = frozenset(
    {
        "teddy",
        "toy",
        "plush",
        "plushie",
        "stuffed",
        "rubber",
        "gummy",
        "wooden",
        "ceramic",
        "plastic",
        "paper",
        "knitted",
    }
)
INNER = re.compile(r" (?:of|with|in|on|at|from|for) ")


def with_article(words: str, identifier: str = "") -> str:
    """Puts "a" or "an" before the words, by sound; plural and pair nouns such as "sunglasses" take none.

    A rare token has no sound to go by: where the words begin with ``identifier``, it is "a", the papers' "a olis dog".
    Known to fail: on names and on nouns that are never counted ("a bread").
    """
    if is_plural(words):
        return words
    vowel = sounds_like_a_vowel(words) and not (identifier and words.startswith(f"{identifier} "))
    return f"{'an' if vowel else 'a'} {words}"


def sounds_like_a_vowel(words: str) -> bool:
    """Whether "an" goes before the words."""
    start = words.lower()
    if start[:1] in "aeiou":
        return not SPOKEN_AS_CONSONANT.match(start) and not re.match(r"u\b", start)
    return bool(SPOKEN_AS_VOWEL.match(start))


def is_plural(words: str) -> bool:
    """Whether the noun that the words end in, before any "of" or "with", names several, or a pair.

    "sunglasses", "red boots" and "children" do, "pair of boots", "bus", "glass" and "lens" do not.
    """
    head = INNER.split(words.lower())[0].split()[-1].rpartition("-")[2]
    if head in lexicon("plurals"):
        return True
    return bool(re.search(r"[^siu]s$", head)) and len(head) > 3 and head not in lexicon("singulars")


def names_something_living(noun: str) -> bool:
    """Whether a lexicon of living beings has the noun, or its last word, and no word before says that it is a toy.

    A "sheep dog" lives, a "dog bowl" does not, nor a "teddy bear".
    """
    words = noun.lower().split()
    return bool({words[-1], " ".join(words)} & lexicon("living")) and not MADE_OF & set(words)


@cache
def lexicon(name: str) -> frozenset[str]:
    """The lines of ``assets/words/<name>.txt``."""
    text = (files("staytrue") / "assets" / "words" / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip())
