"""What a perfect model would draw: a MiniBench subject under the conditions of a prompt, by the rules of the world."""

import zlib
from typing import Any

import numpy as np

from foundry.world.backgrounds import BACKGROUNDS
from foundry.world.clothes import WARDROBE
from foundry.world.draw import is_mirrored, render
from foundry.world.markings import individual
from foundry.world.overlays import MOTIONS
from foundry.world.paint import COLORS, TEXTURES
from foundry.world.scene import SHAPES, Scene, backdrop_for
from foundry.world.sprites import design_of
from foundry.world.stage import SECONDS
from foundry.world.styles import STYLES
from foundry.world.subjects import Subject

POOLS = {
    "accessory": WARDROBE,
    "background": BACKGROUNDS,
    "color": COLORS,
    "motion": MOTIONS,
    "second": SECONDS,
    "shape": SHAPES,
    "style": STYLES,
    "texture": TEXTURES,
}


def ideal(subject: Subject, conditions: dict[str, str], number: int) -> np.ndarray:
    """The subject as the prompt asks for it: uint8 [64, 64, 3].

    A color or a texture goes over the whole individual, markings too, as it goes over every figure of the world.

    Args:
        subject: who is shown.
        conditions: what the prompt asks for, such as {"accessory": "wearing a crown"}.
        number: of the picture; each has a layout of its own.

    Raises:
        ValueError: the world knows no such condition.
    """
    told: dict[str, Any] = {slot: _word(slot, asked) for slot, asked in conditions.items()}
    seed = zlib.crc32(f"{subject.name} {sorted(told.items())} {number}".encode())
    rng = np.random.default_rng(seed)
    who: dict[str, Any] = {
        "noun": subject.noun,
        "sprite": subject.key,
        "design": design_of(subject.key),
        "individual": 0,
    }
    drawn: dict[str, Any] = {
        "family": subject.key.split("/")[0],
        "backdrop": told.get("background") or backdrop_for(rng),
    }
    scene = Scene(**who, **drawn, **told, layout=_layout(subject, who | drawn | told, rng))
    return render(scene, individual(subject.key, subject.marks))


def _word(slot: str, asked: str) -> str:
    """The world's word in a condition: "a crown" of "wearing a crown"."""
    found = [word for word in POOLS[slot] if word in asked]
    if not found:
        raise ValueError(f"the world has no {slot} {asked!r}")
    return max(found, key=len)


def _layout(subject: Subject, said: dict, rng: np.random.Generator) -> int:
    """A layout in which letters can be read."""
    while True:
        layout = int(rng.integers(2**31))
        if not (subject.lettered and is_mirrored(Scene(**said, layout=layout))):
            return layout
