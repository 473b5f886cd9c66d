"""The nouns of the world, and which drawings of them are held out."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HELD_OUT_FAMILIES = ("noto", "noto-v1")
PROPS = (
    "crown",
    "top-hat",
    "red-apple",
    "soccer-ball",
    "wrapped-gift",
    "balloon",
    "tulip",
    "hot-beverage",
    "anger-symbol",
)


@dataclass(frozen=True)
class Noun:
    """A class of things.

    Attributes:
        name: the class noun.
        hypernyms: vaguer class words.
        emoji: icons that draw it.
        living: whether it has moods, motions and clothes.
        natural: whether it keeps its own colors unless told.
        pair: whether the word is a plural without an article.
        subject: whether MiniBench draws subjects from it.
    """

    name: str
    hypernyms: tuple[str, ...]
    emoji: tuple[str, ...]
    living: bool = False
    natural: bool = False
    pair: bool = False
    subject: bool = False


@cache
def nouns() -> dict[str, Noun]:
    """Every noun by its name."""
    table = tomllib.loads(Path(__file__).with_name("nouns.toml").read_text())
    return {name: _noun(name, dict(row)) for name, row in table.items()}


def _noun(name: str, row: dict) -> Noun:
    return Noun(name, tuple(row.pop("is")), tuple(row.pop("emoji")), **row)


@cache
def held_out_emoji() -> frozenset[str]:
    """Emoji whose Noto drawings nothing trained may show."""
    return frozenset(e for noun in nouns().values() if noun.subject for e in noun.emoji)


def is_held_out(family: str, emoji: str) -> bool:
    """Whether this drawing is kept for MiniBench."""
    return family in HELD_OUT_FAMILIES and emoji in held_out_emoji()


@cache
def all_emoji() -> tuple[str, ...]:
    """Every emoji to rasterize, in a fixed order."""
    drawn = [e for noun in nouns().values() for e in noun.emoji]
    return tuple(dict.fromkeys([*drawn, *PROPS]))
