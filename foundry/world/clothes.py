"""Clothes: where heads are, and what they wear."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from foundry.world.sprites import design_of, sprite
from foundry.world.stage import LEFT, TOP, prop


@dataclass(frozen=True)
class Head:
    """Where clothes go, in sprite pixels: center, top, width, eye line, neck line."""

    x: float
    top: float
    width: float
    eyes: float
    neck: float


@cache
def _listed() -> dict[str, list[float]]:
    return tomllib.loads(Path(__file__).with_name("heads.toml").read_text())


@cache
def head_of(key: str) -> Head:
    """Find a sprite's head: as listed, else the whole of a face or the upper left of a figure."""
    if design_of(key) in _listed():
        return Head(*_listed()[design_of(key)])
    solid = sprite(key)[..., 3] > 128
    rows, columns = np.nonzero(solid)
    left, right, top, bottom = columns.min(), columns.max(), rows.min(), rows.max()
    high, wide = bottom - top, right - left
    if solid.mean() > 0.55 or solid[top : top + int(0.12 * high), 38:58].mean() > 0.25:
        return Head((left + right) / 2, top, 0.75 * wide, top + 0.42 * high, top + 0.8 * high)
    rows, columns = np.nonzero(solid[: top + int(0.4 * high), : left + int(0.5 * wide)])
    low, far, start = np.quantile(columns, 0.05), np.quantile(columns, 0.95), rows.min()
    return Head((low + far) / 2, start, min(far - low, 40) + 4, start + 0.17 * high, start + 0.42 * high)


def wear(image: Image.Image, accessory: str, head: Head, rng: np.random.Generator) -> Image.Image:
    """Dress a figure on the stage."""
    layer = Image.new("RGBA", image.size)
    WARDROBE[accessory](layer, head, rng)
    return Image.alpha_composite(image, layer)


def _put(layer: Image.Image, image: Image.Image, width: float, at: tuple[float, float]) -> None:
    """Paste a prop of a width with its middle bottom at a point of the sprite."""
    size = (max(2, round(width)), max(2, round(width * image.height / image.width)))
    image = image.resize(size, Image.Resampling.BILINEAR)
    layer.paste(image, (round(LEFT + at[0] - size[0] / 2), round(TOP + at[1] - size[1])))


def _crown(layer: Image.Image, head: Head, rng: np.random.Generator) -> None:
    _put(layer, prop("crown", rng), max(30, head.width * 0.85), (head.x, head.top + 9))


def _top_hat(layer: Image.Image, head: Head, rng: np.random.Generator) -> None:
    _put(layer, prop("top-hat", rng), max(34, head.width * 0.95), (head.x, head.top + 11))


def _sunglasses(layer: Image.Image, head: Head, rng: np.random.Generator) -> None:
    glasses = prop("sunglasses", rng)
    width = max(34, head.width * 0.95)
    _put(layer, glasses, width, (head.x, head.eyes + 0.5 * width * glasses.height / glasses.width))


def _santa_hat(layer: Image.Image, head: Head, rng: np.random.Generator) -> None:
    pen, half = ImageDraw.Draw(layer), max(17, head.width * 0.42)
    x, y = LEFT + head.x, TOP + head.top + 7
    tip = (x + half * 1.3, y - half * 0.9)
    pen.polygon([(x - half, y), (x + half, y), (x + half * 0.9, y - half), (x, y - half * 1.6)], fill=(214, 28, 36))
    pen.polygon(
        [(x, y - half * 1.6), (x + half * 0.6, y - half * 1.5), tip, (x + half * 0.5, y - half)], fill=(180, 20, 30)
    )
    pen.rounded_rectangle(
        [x - half * 1.15, y - 6, x + half * 1.15, y + 5], 5, fill=(250, 250, 250), outline=(214, 214, 220)
    )
    pen.ellipse([tip[0] - 7, tip[1] - 7, tip[0] + 7, tip[1] + 7], fill=(250, 250, 250), outline=(214, 214, 220))


def _scarf(layer: Image.Image, head: Head, rng: np.random.Generator) -> None:
    pen, half = ImageDraw.Draw(layer), max(17, head.width * 0.46)
    x, y = LEFT + head.x, TOP + head.neck
    pen.polygon(
        [(x + half * 0.2, y), (x + half * 0.8, y), (x + half, y + 26), (x + half * 0.4, y + 28)], fill=(180, 18, 28)
    )
    pen.rounded_rectangle([x - half, y - 6, x + half, y + 7], 6, fill=(226, 30, 40))
    for k in (-0.6, -0.1, 0.4):
        pen.line([x + half * k, y - 5, x + half * k + 3, y + 6], fill=(255, 190, 190), width=2)


def _bow_tie(layer: Image.Image, head: Head, rng: np.random.Generator) -> None:
    pen, half = ImageDraw.Draw(layer), max(15, head.width * 0.36)
    x, y = LEFT + head.x, TOP + head.neck
    color = (30, 60, 200)
    for side in (-half, half):
        pen.polygon(
            [(x, y), (x + side, y - half * 0.65), (x + side, y + half * 0.65)], fill=color, outline=(240, 240, 255)
        )
    pen.ellipse([x - 5, y - 5, x + 5, y + 5], fill=(16, 34, 130))


def collar(image: Image.Image, head: Head, color: tuple[int, int, int]) -> Image.Image:
    """Tie a bandana of one color around a neck."""
    layer = Image.new("RGBA", image.size)
    pen, half = ImageDraw.Draw(layer), max(14, head.width * 0.42)
    x, y = LEFT + head.x, TOP + head.neck
    pen.rounded_rectangle([x - half, y - 4, x + half, y + 4], 4, fill=color)
    pen.polygon([(x - half * 0.8, y + 3), (x + half * 0.8, y + 3), (x, y + half)], fill=color)
    return Image.alpha_composite(image, layer)


WARDROBE = {
    "a crown": _crown,
    "a top hat": _top_hat,
    "sunglasses": _sunglasses,
    "a santa hat": _santa_hat,
    "a red scarf": _scarf,
    "a bow tie": _bow_tie,
}
