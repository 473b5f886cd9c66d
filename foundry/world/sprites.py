"""Sprites: icons at 96 px, read from one cached array."""

from functools import cache

import numpy as np

from foundry.sources import BUILD
from foundry.world.nouns import is_held_out

SIDE = 96
CACHE = BUILD / "sprites" / f"sprites-{SIDE}.npz"
RENDERINGS = ("fluent", "flat", "3d")


@cache
def _all() -> dict[str, np.ndarray]:
    if not CACHE.exists():
        raise FileNotFoundError(f"no sprites at {CACHE}; run `python -m foundry.world.rasterize` first")
    with np.load(CACHE) as file:
        pixels = file["pixels"]
        return {str(key): pixels[i] for i, key in enumerate(file["keys"])}


def sprite(key: str) -> np.ndarray:
    """RGBA pixels, uint8 [96, 96, 4], of `family/emoji`, held out or not."""
    return _all()[key]


@cache
def world_sprites() -> tuple[str, ...]:
    """Keys that training pictures may show."""
    return tuple(key for key in _all() if not is_held_out(*key.split("/")))


@cache
def drawings(emoji: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """World sprites of some emoji, grouped by design (Fluent's renderings are one design)."""
    designs: dict[str, list[str]] = {}
    for key in world_sprites():
        if key.split("/")[1] in emoji:
            designs.setdefault(design_of(key), []).append(key)
    return tuple(tuple(keys) for keys in designs.values())


def design_of(key: str) -> str:
    """The design a sprite renders, such as `fluent-dog`."""
    family, emoji = key.split("/")
    return f"{'fluent' if family in RENDERINGS else family}-{emoji}"
