"""Whether a subject lives: prompts, and the words an objective holds it to, depend on it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from staytrue.types import Subject

STUFFED = frozenset(
    {"teddy", "toy", "plush", "stuffed", "rubber", "gummy", "wooden"}
)  # "teddy bear" ends like an animal


def lives(subject: Subject) -> bool:
    """Whether motions and clothes suit the subject.

    As it says itself, else whether its noun is in ``words/living.txt``.
    """
    if subject.living is not None:
        return subject.living
    words = subject.class_noun.lower().split()
    known = {words[-1], " ".join(words)} & _living_nouns()
    return bool(known) and not STUFFED & set(words)


@cache
def _living_nouns() -> frozenset[str]:
    return frozenset((files("staytrue") / "assets/words/living.txt").read_text(encoding="utf-8").split("\n"))
