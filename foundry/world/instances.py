"""Instances: several views of one trained design's individual, for training the instance judge."""

import numpy as np

from foundry.world.markings import individual
from foundry.world.nouns import Noun, nouns
from foundry.world.paint import COLORS
from foundry.world.portraits import backdrops, portrait
from foundry.world.sprites import design_of, drawings, sprite
from foundry.world.variants import COATS, EMBLEMS, heart_of

Random = np.random.Generator
SIBLINGS = 4
LETTERS = tuple(name for name in EMBLEMS if len(name) == 1)
BOLD = tuple(COLORS)


def instance_views(seed: int, index: int, views: int) -> tuple[np.ndarray, list[dict]]:
    """Views of instance `index`; runs of four instances share a design and differ in markings.

    Args:
        seed: seed of the whole set.
        index: number of the instance.
        views: pictures to draw of it.
    """
    names = list(nouns())
    shared = np.random.default_rng((seed, 0, index // SIBLINGS))
    kind = nouns()[names[shared.integers(len(names))]]
    key = _drawing(kind, shared)
    rng = np.random.default_rng((seed, 1, index))
    pixels, places = _photos(kind, key, rng, views)
    row = {"instance": index, "noun": kind.name, "design": design_of(key), "sprite": key}
    return pixels, [{**row, "background": place} for place in places]


def render_instance(rng: Random, noun: str, n: int) -> list[np.ndarray]:
    """Draw `n` pictures of one individual of a trained design: varied pose, light and background."""
    kind = nouns()[noun]
    return list(_photos(kind, _drawing(kind, rng), rng, n)[0])


def _drawing(kind: Noun, rng: Random) -> str:
    designs = drawings(kind.emoji)
    keys = designs[rng.integers(len(designs))]
    return keys[rng.integers(len(keys))]


def _photos(kind: Noun, key: str, rng: Random, views: int) -> tuple[np.ndarray, list[str]]:
    marks = markings(kind, key, rng)
    pixels = individual(key, marks)
    lettered = any(row.get("name") in LETTERS for row in marks)
    places = backdrops(rng, views)
    return np.stack([portrait(pixels, place, rng, not lettered) for place in places]), places


def markings(kind: Noun, key: str, rng: Random) -> list[dict]:
    """Choose what makes an individual: often a coat, then up to three markings of different kinds."""
    coats = COATS if kind.living and rng.random() < 0.7 else tuple(COLORS.values())
    marks = []
    if rng.random() < 0.55:
        color = coats[rng.integers(len(coats))]
        marks.append({"kind": "coat", "color": color, "strength": rng.uniform(0.6, 0.95)})
    makers = [_part, _patch, _patch, _emblem, _stripe, _bow, _spots, *([_bandana] if kind.living else [_stripe])]
    for number in rng.permutation(len(makers))[: rng.integers(0 if marks else 1, 4)]:
        marks.append(makers[number](key, rng))
    return marks


def _color(rng: Random) -> str:
    return str(rng.choice(BOLD))


def _spot(key: str, rng: Random) -> list[float]:
    """A random point well inside the sprite."""
    solid = sprite(key)[..., 3] > 128
    points = np.argwhere(solid)
    y, x = points[rng.integers(len(points))]
    middle = heart_of(sprite(key))
    return [float(0.75 * x + 0.25 * middle[0]), float(0.75 * y + 0.25 * middle[1])]


def _part(key: str, rng: Random) -> dict:
    return {"kind": "part", "part": int(rng.integers(5)), "color": _color(rng)}


def _patch(key: str, rng: Random) -> dict:
    return {"kind": "patch", "at": _spot(key, rng), "size": list(rng.uniform(7, 18, 2)), "color": _color(rng)}


def _emblem(key: str, rng: Random) -> dict:
    at = heart_of(sprite(key)) if rng.random() < 0.5 else _spot(key, rng)
    return {"kind": "emblem", "at": at, "name": str(rng.choice(EMBLEMS)), "color": _color(rng)}


def _stripe(key: str, rng: Random) -> dict:
    x, y = _spot(key, rng)
    angle = rng.choice([0, 0, np.pi / 2, np.pi / 4]) + rng.uniform(-0.2, 0.2)
    dx, dy = 90 * np.cos(angle), 90 * np.sin(angle)
    return {
        "kind": "stripe",
        "ends": [x - dx, y - dy, x + dx, y + dy],
        "width": int(rng.integers(4, 9)),
        "color": _color(rng),
    }


def _bow(key: str, rng: Random) -> dict:
    return {"kind": "bow", "at": _spot(key, rng), "size": rng.uniform(10, 17), "color": _color(rng)}


def _spots(key: str, rng: Random) -> dict:
    return {"kind": "spots", "color": _color(rng), "seed": int(rng.integers(1000))}


def _bandana(key: str, rng: Random) -> dict:
    return {"kind": "bandana", "color": _color(rng), "dots": bool(rng.random() < 0.4)}
