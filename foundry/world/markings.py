"""Markings: what tells one individual from another, drawn in its sprite's own coordinates."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from foundry.world.clothes import head_of
from foundry.world.paint import COLORS, recolor, texture
from foundry.world.sprites import sprite
from foundry.world.variants import draw_emblem, mark, parts, repaint

Point = tuple[float, float]
Color = str | tuple[int, int, int]


def individual(key: str, marks: list[dict]) -> np.ndarray:
    """A sprite with markings applied in order.

    Args:
        key: the sprite.
        marks: one table a marking: `kind` and its arguments.
    """
    pixels = sprite(key)
    for row in marks:
        given = {name: value for name, value in row.items() if name != "kind"}
        pixels = KINDS[row["kind"]](key, pixels, **given)
    return pixels


def _rgb(color: Color) -> tuple[int, int, int]:
    red, green, blue = COLORS[color] if isinstance(color, str) else color
    return red, green, blue


def _draw(pixels: np.ndarray, paint: Callable[[ImageDraw.ImageDraw], None], inside: bool) -> np.ndarray:
    """Draw on a sprite, inside its outline or over it."""
    layer = Image.new("RGBA", (96, 96))
    paint(ImageDraw.Draw(layer))
    if inside:
        layer.putalpha(Image.fromarray(np.minimum(np.asarray(layer)[..., 3], pixels[..., 3])))
    return np.asarray(Image.alpha_composite(Image.fromarray(pixels), layer)).copy()


def _coat(key: str, pixels: np.ndarray, color: Color, strength: float = 1.0) -> np.ndarray:
    return recolor(pixels, _rgb(color), strength)


def _part(key: str, pixels: np.ndarray, part: int, color: Color) -> np.ndarray:
    return repaint(pixels, parts(key) == part, _rgb(color))


def _texture(key: str, pixels: np.ndarray, name: str, seed: int) -> np.ndarray:
    return texture(pixels, name, np.random.default_rng(seed))


def _spots(key: str, pixels: np.ndarray, color: Color, seed: int) -> np.ndarray:
    return mark(pixels, "spots", _rgb(color), np.random.default_rng(seed))


def _patch(key: str, pixels: np.ndarray, at: Point, size: Point, color: Color) -> np.ndarray:
    """Recolor an oval of the coat."""
    rows, columns = np.mgrid[0:96, 0:96]
    inside = ((columns - at[0]) / size[0]) ** 2 + ((rows - at[1]) / size[1]) ** 2 < 1
    return repaint(pixels, inside, _rgb(color))


def _emblem(key: str, pixels: np.ndarray, at: Point, name: str, color: Color) -> np.ndarray:
    return _draw(pixels, lambda pen: draw_emblem(pen, at, name, _rgb(color)), inside=True)


def _stripe(key: str, pixels: np.ndarray, ends: list[float], width: int, color: Color) -> np.ndarray:
    """Draw a line through given points."""
    return _draw(pixels, lambda pen: pen.line(ends, _rgb(color), width, "curve"), inside=True)


def _dots(key: str, pixels: np.ndarray, at: list[Point], radius: float, color: Color) -> np.ndarray:
    """Draw discs, over the outline."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for x, y in at:
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=_rgb(color), outline=(40, 30, 50))
            pen.ellipse([x - radius * 0.5, y - radius * 0.6, x, y - radius * 0.1], fill=(255, 255, 255))

    return _draw(pixels, paint, inside=False)


def _bow(key: str, pixels: np.ndarray, at: Point, size: float, color: Color) -> np.ndarray:
    """Tie a ribbon bow at a point."""
    x, y = at
    dark = tuple(int(v * 0.6) for v in _rgb(color))

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for side in (-size, size):
            pen.polygon([(x, y), (x + side * 0.7, y + size * 1.3), (x + side * 0.2, y + size * 1.3)], fill=dark)
            pen.polygon(
                [(x, y), (x + side, y - size * 0.7), (x + side, y + size * 0.7)], fill=_rgb(color), outline=dark
            )
        pen.ellipse([x - size / 3, y - size / 3, x + size / 3, y + size / 3], fill=dark)

    return _draw(pixels, paint, inside=False)


def _bandana(key: str, pixels: np.ndarray, color: Color, dots: bool = False) -> np.ndarray:
    """Tie a bandana around the neck."""
    head = head_of(key)
    x, y, half = head.x, head.neck, max(15, head.width * 0.45)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rounded_rectangle([x - half, y - 4, x + half, y + 4], 4, fill=_rgb(color))
        pen.polygon([(x - half * 0.9, y + 3), (x + half * 0.9, y + 3), (x, y + half * 1.15)], fill=_rgb(color))
        for dx, dy in ((-0.5, 0), (0, 0), (0.5, 0), (-0.25, 0.4), (0.25, 0.4), (0, 0.75)) if dots else ():
            cx, cy = x + dx * half, y + 3 + dy * half
            pen.ellipse([cx - 2, cy - 2, cx + 2, cy + 2], fill=(255, 255, 255))

    return _draw(pixels, paint, inside=False)


def _sticker(key: str, pixels: np.ndarray, at: Point, size: int, other: str) -> np.ndarray:
    """Put a small picture of another sprite on this one."""
    picture = Image.fromarray(sprite(other)).resize((size, size), Image.Resampling.LANCZOS)
    layer = Image.new("RGBA", (96, 96))
    layer.paste(picture, (round(at[0] - size / 2), round(at[1] - size / 2)))
    return np.asarray(Image.alpha_composite(Image.fromarray(pixels), layer)).copy()


KINDS: dict[str, Callable[..., np.ndarray]] = {
    "coat": _coat,
    "part": _part,
    "texture": _texture,
    "spots": _spots,
    "patch": _patch,
    "emblem": _emblem,
    "stripe": _stripe,
    "dots": _dots,
    "bow": _bow,
    "bandana": _bandana,
    "sticker": _sticker,
}
