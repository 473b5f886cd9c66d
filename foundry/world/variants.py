"""Variants: recolored, marked and labelled individuals of one design."""

import zlib
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from foundry.world.noise import noise
from foundry.world.nouns import Noun
from foundry.world.paint import COLORS, luminance, recolor
from foundry.world.sprites import design_of, sprite

POOL = 64
COATS = (
    (150, 95, 52),
    (214, 170, 112),
    (240, 226, 200),
    (120, 120, 126),
    (64, 58, 58),
    (226, 150, 62),
    (244, 242, 238),
)
MARKINGS = ("spots", "patch", "belly")
EMBLEMS = ("star", "heart", "band", *"ABEHKNRSTX")
BRIGHT = tuple(
    COLORS[c] for c in ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "white", "black")
)


def variant(key: str, index: int, kind: Noun) -> np.ndarray:
    """Individual number `index` of a design; number 0 is the design itself.

    Args:
        key: the sprite.
        index: 0 to `POOL` - 1.
        kind: living things get coats, natural ones keep their colors, others any color.
    """
    pixels = sprite(key)
    if index == 0:
        return pixels
    rng = np.random.default_rng(zlib.crc32(f"{design_of(key)}/{index}".encode()))
    if kind.natural:
        return _hue(pixels, int(rng.integers(-9, 10)))
    pixels = _coat(pixels, rng) if kind.living else _hue(pixels, int(rng.integers(0, 256)))
    return _marked(key, pixels, kind.living, rng)


def _marked(key: str, pixels: np.ndarray, living: bool, rng: np.random.Generator) -> np.ndarray:
    """Repaint a part, add a marking, print a label: each or none."""
    colors = COATS if living else BRIGHT
    if rng.random() < 0.5:
        pixels = repaint(pixels, parts(key) == rng.integers(5), _pick(rng, colors))
    if rng.random() < 0.65:
        pixels = mark(pixels, str(rng.choice(MARKINGS)), _pick(rng, colors), rng)
    if rng.random() < (0.1 if living else 0.25):
        pixels = label(pixels, str(rng.choice(EMBLEMS)), _pick(rng, BRIGHT))
    return pixels


def _pick(rng: np.random.Generator, colors: tuple) -> tuple[int, int, int]:
    return colors[rng.integers(len(colors))]


def _coat(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return recolor(pixels, _pick(rng, COATS), rng.uniform(0.6, 0.9)) if rng.random() < 0.6 else pixels


def _hue(pixels: np.ndarray, turn: int) -> np.ndarray:
    """Turn the hue, in 256ths of a circle."""
    image = Image.fromarray(pixels)
    hue, *rest = image.convert("RGB").convert("HSV").split()
    turned = Image.merge("HSV", [hue.point(lambda h: (h + turn) % 256), *rest]).convert("RGB")
    turned.putalpha(image.getchannel("A"))
    return np.asarray(turned)


@cache
def parts(key: str) -> np.ndarray:
    """Number 0..4 of the main color every pixel of a sprite belongs to."""
    return np.asarray(Image.fromarray(sprite(key)).convert("RGB").quantize(5, dither=Image.Dither.NONE))


def repaint(pixels: np.ndarray, where: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Recolor some pixels, sparing dark details."""
    return _blend(pixels, recolor(pixels, color), where & _coat_mask(pixels))


def mark(pixels: np.ndarray, name: str, color: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Add spots, a patch or a belly in a color, sparing dark details such as eyes."""
    if name == "belly":
        rows = np.linspace(0, 1, 96, dtype=np.float32)[:, None]
        field = np.clip((rows + 0.15 * noise(rng, 96, 8) - rng.uniform(0.55, 0.8)) * 20, 0, 1)
    else:
        cells, level = (11, 0.6) if name == "spots" else (4, 0.55)
        field = np.clip((noise(rng, 96, cells) - level) * 14, 0, 1)
    return _blend(pixels, recolor(pixels, color), field * _coat_mask(pixels))


def _coat_mask(pixels: np.ndarray) -> np.ndarray:
    """Pixels that are neither outlines nor eyes."""
    light = luminance(pixels)
    solid = pixels[..., 3] > 128
    return light > min(0.22, np.quantile(light[solid], 0.3))


def _blend(below: np.ndarray, above: np.ndarray, weight: np.ndarray) -> np.ndarray:
    out = below.copy()
    weight = weight.astype(np.float32)[..., None]
    out[..., :3] = below[..., :3] * (1 - weight) + above[..., :3] * weight
    return out


def label(pixels: np.ndarray, emblem: str, color: tuple[int, int, int]) -> np.ndarray:
    """Print an emblem or a letter on the widest part of a sprite."""
    image = Image.fromarray(pixels)
    layer = Image.new("RGBA", image.size)
    draw_emblem(ImageDraw.Draw(layer), heart_of(pixels), emblem, color)
    layer.putalpha(Image.fromarray(np.minimum(np.asarray(layer)[..., 3], pixels[..., 3])))
    return np.asarray(Image.alpha_composite(image, layer)).copy()


def draw_emblem(pen: ImageDraw.ImageDraw, at: tuple[float, float], emblem: str, color: tuple[int, int, int]) -> None:
    """Draw one emblem around a point."""
    x, y = at
    dark = sum(color) < 360
    if emblem == "band":
        pen.rectangle([0, y - 6, 96, y + 6], fill=color)
    elif emblem == "star":
        turn = [(np.pi * k / 5, 15 if k % 2 == 0 else 6) for k in range(10)]
        pen.polygon(
            [(x + r * np.sin(a), y - r * np.cos(a)) for a, r in turn],
            fill=color,
            outline="white" if dark else (60, 40, 40),
        )
    elif emblem == "heart":
        pen.ellipse([x - 13, y - 11, x, y + 2], fill=color)
        pen.ellipse([x, y - 11, x + 13, y + 2], fill=color)
        pen.polygon([(x - 12, y - 1), (x + 12, y - 1), (x, y + 14)], fill=color)
    else:
        pen.rounded_rectangle([x - 14, y - 14, x + 14, y + 14], 4, fill=color)
        pen.text((x, y), emblem, fill="white" if dark else (40, 30, 40), font=_font(), anchor="mm", stroke_width=1)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(26)


def heart_of(pixels: np.ndarray) -> tuple[float, float]:
    """The point of a sprite deepest inside its outline."""
    solid = Image.fromarray(np.where(pixels[..., 3] > 128, 255, 0).astype(np.uint8))
    depth = np.asarray(solid.filter(ImageFilter.BoxBlur(14))).astype(np.float32)
    depth += np.asarray(solid.filter(ImageFilter.BoxBlur(26)))
    y, x = np.unravel_index(np.argmax(depth), depth.shape)
    return float(x), float(y)
