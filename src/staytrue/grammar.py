"""The little English that captions need: a, an or nothing before a noun, and which nouns are alive.

Rules with short lists of exceptions, ``assets/words/{plurals,singulars,living,things}.txt``. Whoever knows better says so: a class
noun is written as it should be read ("pair of boots"), and ``subjects.living`` overrides the lexicon.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

# spelled with a vowel, spoken with a consonant: "a unicorn", "a European", "a one-eyed cat", "a onesie", "a UFO", said "you"
SPOKEN_AS_CONSONANT = re.compile(
    r"uni(?=[bcfpqtvosy-]|dir|la|$)|unanim|unesco|u[bkrstv][aeiou]|util|usu|eu|ewe|on(?:e|ce|esies?)\b|ouija"
    r"|u\b|u(?:fos?|sb|v|k)\b"
)
# spelled with a consonant, spoken with a vowel: "an hour", "an x-ray", "an 8-bit cat", "an 18th birthday cake", "an 1800s house"
SPOKEN_AS_VOWEL = re.compile(r"hour|honest|honor|honour|heir|[fhlmnrsx]\b|8|1[18](?:\d\d)?(?!\d)")
# said letter by letter, so that the name of the first decides: "an SUV", "an MP3 player", "an HDMI cable", not "LEGO" or "NASA"
INITIALISM = re.compile(r"[A-Z](?:[A-Z]{1,2}|[A-Z0-9]*\d[A-Z0-9]*|[B-DF-HJ-NP-TV-Z][A-Z]+)\b")
IN_SMALL_LETTERS = re.compile(r"(?:hdmi|lcd|led|lp|mp[34]|rc|rv|suv)\b")
SAID_AS_WORDS = frozenset({"LAN", "MAC", "RAM", "ROM", "SCUBA", "SIM", "SWAT", "UNO"})
INNER = re.compile(r" (?:of|with|in|on|at|from|for) ")
# endings of several, and of one: "puppies", "wolves", "wives", "foxes", "dogs", "women"
PLURALS = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""), ("men", "man"))


def word(text: str) -> re.Pattern[str]:
    """Finds a word or phrase that is no part of a longer one, in large or small letters; it may have brackets, such as "<new1>"."""
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)


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
    start, letters = words.lower(), INITIALISM.match(words)
    if IN_SMALL_LETTERS.match(start) or (letters and not _is_a_word(letters[0])):
        return start[0] in "aefhilmnorsx"
    if start[:1] in "aeiou":
        return not SPOKEN_AS_CONSONANT.match(start)
    return bool(SPOKEN_AS_VOWEL.match(start))


def _is_a_word(capitals: str) -> bool:
    """Whether capitals are said as a word, as in "RAM" and, shouted, "RED FOX"."""
    return capitals in SAID_AS_WORDS or capitals.lower() in lexicon("living") | lexicon("colors")


def is_plural(words: str) -> bool:
    """Whether the noun that the words end in, before any "of" or "with", names several, or a pair.

    "sunglasses", "red boots" and "children" do, "pair of boots", "bus", "glass", "lens" and "1800s" do not.
    """
    head = _head(words)
    if head in lexicon("plurals"):
        return True
    return bool(re.search(r"[^siu\d]s$", head)) and len(head) > 3 and head not in lexicon("singulars")


def names_something_living(noun: str, vague: str = "") -> bool:
    """Whether a lexicon of living beings has the noun, or its last word, or those of a broader noun, in either number.

    Not where a word of either makes a thing of it: a "sheep dog" lives, as does a "borzoi" that is a "dog", a "dog bowl" does
    not, nor a "teddy bear", nor a "duck" that is a "toy".
    """
    return _names(lexicon("living") | lexicon("people/nouns"), noun, vague)


def names_a_person(noun: str, vague: str = "") -> bool:
    """Whether it is a human being that the noun, or a broader one, names."""
    return _names(lexicon("people/nouns"), noun, vague)


def _names(known: frozenset[str], *nouns: str) -> bool:
    """Whether one of the nouns is known. Where it is whole, as the "toy poodle" is, no word of it makes a thing of it."""
    said = [INNER.split(noun.lower())[0] for noun in nouns if noun.strip()]
    unknown = [words for words in said if not known & _forms(words)]
    if any(lexicon("things") & {*words.replace("-", " ").split(), *_forms(words)} for words in unknown):
        return False
    return len(unknown) < len(said) or any(known & _forms(_head(words)) for words in unknown)


def _head(words: str) -> str:
    """The noun that the words end in, before any "of" or "with"."""
    return INNER.split(words.lower())[0].split()[-1].rpartition("-")[2]


def _forms(noun: str) -> frozenset[str]:
    """The noun, and what it may be the plural of."""
    return frozenset({noun, *(noun.removesuffix(many) + one for many, one in PLURALS if noun.endswith(many))})


@cache
def lexicon(name: str) -> frozenset[str]:
    """The lines of ``assets/words/<name>.txt``."""
    text = (files("staytrue") / "assets" / "words" / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip())
