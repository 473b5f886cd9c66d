"""The word pools of captions."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from staytrue.errors import ConfigError
from staytrue.grammar import with_article
from staytrue.types import Facts

MOTION_SLOT = "a $concept "
PEOPLE = "people/"
OBJECT = ("shapes", "colors", "textures")
LIVING = ("bodies", "skins", "emotions")
POOLS = (*OBJECT, *LIVING, "backgrounds", "motions", "accessories", "styles")
# what a backbone's own lists have in place of a pool
STAND_INS = {"emotions": "moods", "skins": "colors"}


def pool(name: str, facts: Facts, folder: Path | None = None) -> tuple[str, ...]:
    """Words of one kind: the user's own, else the backbone's where it brings lists (the miniature), else the built-in ones.

    Args:
        name: one of ``POOLS``; for people "people/bodies" and so on.
        facts: of the backbone.
        folder: holds ``<name>.txt``, or for people that or ``<name>.txt`` without "people/"; a pool it lacks comes from
            the other two.

    Returns:
        Words in a fixed order; empty where the backbone has lists but not this one. Motions have lost their "a
        $concept".
    """
    short = name.removeprefix(PEOPLE)
    for file in (folder / f"{name}.txt", folder / f"{short}.txt") if folder else ():
        if file.is_file():
            return _without_slots(entries_of(file))
    if not facts.words:
        return _without_slots(built_in(name))
    return tuple(facts.words.get(short, facts.words.get(STAND_INS.get(short, ""), ())))


def own_entries(folder: Path | None) -> list[str]:
    """All words of a user's own pools; none without a folder. Raises ``ConfigError`` where there is no pool in it."""
    check_folder(folder)
    files = [folder / f"{kin}{name}.txt" for kin in ("", PEOPLE) for name in POOLS] if folder else []
    return [entry for file in files for entry in _without_slots(entries_of(file))]


def entries_of(file: Path) -> tuple[str, ...]:
    """The lines of a user's list, without blank ones; none where there is no file."""
    return _lines(file.read_text(encoding="utf-8-sig")) if file.is_file() else ()


def check_folder(folder: Path | None) -> None:
    """Raises ``ConfigError`` where a folder of words has none of the pools: a wrong folder must not pass in silence."""
    if folder is not None and not any(
        (folder / f"{kin}{name}.txt").is_file() for kin in ("", PEOPLE) for name in POOLS
    ):
        raise ConfigError(
            f"regularize.words={folder}: there is no word pool in it ({', '.join(f'{p}.txt' for p in POOLS)}, one entry"
            " a line); `staytrue words --out FOLDER` writes some"
        )


def places_the_subject(facts: Facts, folder: Path | None = None) -> bool:
    """Whether motions name a place, and so leave no room for a background: sentences do, a backbone's bare verbs do not."""
    return not facts.words or bool(folder and list(folder.glob("**/motions.txt")))


def style_phrase(style: str) -> str:
    """A style as a caption begins with it: "pixel art" becomes "a pixel art of", "a painting of" stays."""
    return style if style.endswith(" of") else f"{with_article(style)} of"


@cache
def built_in(name: str) -> tuple[str, ...]:
    """The lines of a built-in list, without blank ones."""
    return _lines((files("staytrue") / "assets" / "words" / f"{name}.txt").read_text(encoding="utf-8"))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _without_slots(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line.removeprefix(MOTION_SLOT) for line in lines)
