"""Which words mean something, or offend: what a rare token must not do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Set
from functools import cache
from importlib.resources import files

ENDINGS = (
    *("s", "es", "ed", "d", "ing", "er", "ers", "r", "y", "ly", "ish", "ness", "al", "ful", "less", "able", "ity"),
    *("ism", "ist", "ic", "ian", "an", "n", "en", "man", "men"),
)
HASH = 16  # hexadecimal digits


def means_something(word: str, vocabulary: Set[str]) -> bool:
    """Whether a word of a tokenizer names something, as far as can be told without a dictionary.

    It does where a list of this package has it; where the tokenizer knows it with another ending, since words are inflected and
    mere letters are not ("spool" and "spools"); and where it is two known words ("dairyfree").

    Known to fail: on names, on words of other languages, and on long words. ``named.txt`` has what it left of the rarest 500 or
    so of three to five letters in CLIP's vocabulary, found by reading.

    Args:
        word: in small letters.
        vocabulary: all words that are one token.
    """
    return word in listed() or bool(_relatives(word) & vocabulary) or _is_joined(word, vocabulary)


def offends(word: str) -> bool:
    """Whether it is a slur, an obscenity or a word of hate. The list is of hashes, so that nobody has to read it."""
    return hashlib.sha256(word.encode()).hexdigest()[:HASH] in _blocked()


@cache
def listed() -> frozenset[str]:
    """Every word in the package's pools and lexicons."""
    home = files("staytrue") / "assets" / "words"
    lists = [file for folder in (home, home / "people") for file in folder.iterdir() if file.name.endswith(".txt")]
    return frozenset(re.findall(r"[a-z]+", " ".join(file.read_text(encoding="utf-8") for file in lists)))


@cache
def _blocked() -> frozenset[str]:
    return frozenset((files("staytrue") / "assets" / "words" / "blocked.sha256").read_text(encoding="utf-8").split())


def _relatives(word: str) -> frozenset[str]:
    """What it would be with another ending, were it a word: of "puffy" puff, puffys, puffyed ..."""
    silent, last = word.removesuffix("e"), word[-1]
    longer = {word + ending for ending in ENDINGS} | {silent + ending for ending in ("ing", "ed", "er", "y", "able")}
    doubled = {word + last + ending for ending in ("ing", "ed", "er", "y")}
    changed = {word[:-1] + ending for ending in ("ies", "ied", "ier", "ily")} if last == "y" else set()
    stems = {word.removesuffix(ending) for ending in ENDINGS if len(word) - len(ending) >= (4 if ending == "s" else 3)}
    shorter = {stem + e for stem in stems for e in ("", "e")}
    return frozenset((longer | doubled | changed | shorter) - {word, word + "e"})


def _is_joined(word: str, vocabulary: Set[str]) -> bool:
    """Whether it is two words of at least three letters."""
    return any(word[:place] in vocabulary and word[place:] in vocabulary for place in range(3, len(word) - 2))
