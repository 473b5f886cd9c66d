"""The word pools of captions, and which nouns are alive."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from staytrue.types import Facts, Subject, with_article

MOTION_SLOT = "a $concept "
# what a backbone's own lists have in place of a pool
STAND_INS = {"emotions": "moods", "skins": "colors"}


def pool(name: str, facts: Facts) -> tuple[str, ...]:
    """Words of one kind: the backbone's own where it brings lists (the miniature), else ``assets/words/<name>.txt``.

    Args:
        name: "shapes", "colors", "textures", "backgrounds", "styles"; for the living "bodies", "skins", "emotions",
            "motions", which for people begin with "people/".
        facts: of the backbone.

    Returns:
        Words in a fixed order; empty where the backbone has lists but not this one. Motions have lost their "a
        $concept".
    """
    if not facts.words:
        return tuple(line.removeprefix(MOTION_SLOT) for line in built_in(name))
    short = name.removeprefix("people/")
    return tuple(facts.words.get(short, facts.words.get(STAND_INS.get(short, ""), ())))


def style_phrase(style: str) -> str:
    """A style as a caption begins with it: "pixel art" becomes "a pixel art of", "a painting of" stays."""
    return style if style.endswith(" of") else f"{with_article(style)} of"


def is_living(subject: Subject, facts: Facts) -> bool:
    """Whether motions and moods apply: what the subject says, else the backbone's nouns, else a small lexicon.

    In the lexicon's terms a noun is what its last word is: a "sheep dog" lives, a "dog bowl" does not, nor a "cat toy".
    """
    if subject.living is not None:
        return subject.living
    nouns = facts.words.get("nouns")
    known = nouns.get(subject.class_noun) if isinstance(nouns, dict) else None
    if isinstance(known, dict) and "living" in known:
        return bool(known["living"])
    return subject.class_noun.lower().split()[-1] in built_in("living")


def is_person(subject: Subject) -> bool:
    """Whether the class noun names a human being, whose body and skin have words of their own."""
    return subject.class_noun.lower().split()[-1] in built_in("people/nouns")


@cache
def built_in(name: str) -> tuple[str, ...]:
    """The lines of a built-in list, without blank ones."""
    text = (files("staytrue") / "assets" / "words" / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip())
