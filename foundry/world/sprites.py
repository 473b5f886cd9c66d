"""Sprites: icons at 96 px, read from one cached array; which there are says `sprites.txt`, so that names need no pixels."""

from functools import cache
from pathlib import Path

import numpy as np

from foundry.sources import BUILD
from foundry.world.nouns import is_held_out

SIDE = 96
CACHE = BUILD / "sprites" / f"sprites-{SIDE}.npz"
LISTED = Path(__file__).with_name("sprites.txt")
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


def drawn_keys() -> tuple[str, ...]:
    """Keys of the cached sprites, in their order. Reads the cache."""
    return tuple(_all())


@cache
def all_keys() -> tuple[str, ...]:
    """Every sprite's key, held out or not, in the cache's order. Needs no pixels."""
    lines = [line.split(": ") for line in LISTED.read_text().splitlines()]
    return tuple(f"{family}/{emoji}" for emoji, families in lines for family in families.split())


def write_list(keys: list[str]) -> None:
    """Write the list: a line for each emoji, with the families that draw it."""
    families: dict[str, list[str]] = {}
    for family, emoji in (key.split("/") for key in keys):
        families.setdefault(emoji, []).append(family)
    LISTED.write_text("".join(f"{emoji}: {' '.join(drawn)}\n" for emoji, drawn in families.items()))


@cache
def world_sprites() -> tuple[str, ...]:
    """Keys that training pictures may show."""
    return tuple(key for key in all_keys() if not is_held_out(*key.split("/")))


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
