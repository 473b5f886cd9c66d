"""Styles and degradations: ordinary filters over a finished picture."""

import io

import numpy as np
from PIL import Image, ImageFilter

from foundry.world.noise import noise

Random = np.random.Generator
Pixels = np.ndarray
DEGRADATIONS = ("noisy", "blurry", "low quality", "jpeg artifacts")


def stylize(pixels: Pixels, mask: Pixels, style: str, rng: Random) -> Pixels:
    """Apply a named style to uint8 [64, 64, 3]; the mask 0..1 is where the subject is."""
    return np.clip(STYLES[style](pixels, mask, rng), 0, 255).astype(np.uint8)


def degrade(pixels: Pixels, name: str, rng: Random) -> Pixels:
    """Spoil a picture in an ordinary way."""
    image = Image.fromarray(pixels)
    if name == "noisy":
        noisy = pixels + rng.normal(0, rng.uniform(24, 40), pixels.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)
    if name == "blurry":
        return np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 2.4))))
    if name == "low quality":
        side = int(rng.integers(20, 28))
        image = image.resize((side, side), Image.Resampling.BOX).resize((64, 64), Image.Resampling.BILINEAR)
        return _jpeg(image, 12)
    return _jpeg(image, int(rng.integers(6, 15)))


def _jpeg(image: Image.Image, quality: int) -> Pixels:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _gray(pixels: Pixels) -> Pixels:
    return pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _edges(pixels: Pixels) -> Pixels:
    """Strongest color step at every pixel, 0..1."""
    field = pixels.astype(np.float32)
    across = np.abs(np.diff(field, axis=1, append=field[:, -1:])).max(-1)
    down = np.abs(np.diff(field, axis=0, append=field[-1:])).max(-1)
    return np.clip(np.maximum(across, down) / 255, 0, 1)


def _painting(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    rows, columns = np.mgrid[0:64, 0:64]
    push = ((noise(rng, 64, 20) - 0.5) * 5).astype(np.intp)
    lift = ((noise(rng, 64, 20) - 0.5) * 5).astype(np.intp)
    daubs = pixels[np.clip(rows + lift, 0, 63), np.clip(columns + push, 0, 63)]
    flat = np.asarray(Image.fromarray(daubs).filter(ImageFilter.ModeFilter(3))).astype(np.float32)
    flat = flat.mean(-1, keepdims=True) + 1.15 * (flat - flat.mean(-1, keepdims=True))
    return flat * (0.9 + 0.2 * noise(rng, 64, 24))[..., None]


def _watercolor(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    soft = np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(3))).astype(np.float32)
    wash = 255 - (255 - soft) * (0.5 + 0.4 * noise(rng, 64, 8))[..., None]
    rows, columns = np.mgrid[0:64, 0:64]
    edge = np.minimum(np.minimum(rows, 63 - rows), np.minimum(columns, 63 - columns))
    paper = np.clip((edge + 9 * noise(rng, 64, 8) - 7) / 4, 0, 1)[..., None]
    return wash * paper + 252 * (1 - paper)


def _pixel_art(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    small = Image.fromarray(pixels).resize((22, 22), Image.Resampling.BOX).quantize(16).convert("RGB")
    return np.asarray(small.resize((64, 64), Image.Resampling.NEAREST))


def _pencil(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    rows, columns = np.mgrid[0:64, 0:64]
    gray = _gray(pixels)
    hatch = 0.5 + 0.5 * np.sin((rows + columns) * 1.9 + 3 * noise(rng, 64, 8))
    tone = 245 - (255 - gray) * 0.5 * hatch - 210 * _edges(pixels) ** 0.8
    return np.repeat((tone + rng.normal(0, 6, (64, 64)))[..., None], 3, -1)


def _line_drawing(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    smooth = np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(3)))
    steps = _edges(smooth) * (0.5 + 0.5 * mask)
    outline = _edges((mask * 255)[..., None])
    ink = np.clip((np.maximum(steps, outline) - 0.13) * 5, 0, 1)
    return np.repeat((252 * (1 - ink))[..., None], 3, -1)


def _black_and_white(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    gray = 128 + (_gray(pixels) - 128) * 1.15
    return np.repeat(gray[..., None], 3, -1)


def _cartoon(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    smooth = np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(3))).astype(np.float32)
    flat = np.round(smooth / 64) * 64
    flat = flat.mean(-1, keepdims=True) + 1.35 * (flat - flat.mean(-1, keepdims=True))
    outline = np.clip(2 * _edges((mask * 255)[..., None]), 0, 1)
    return flat * (1 - outline)[..., None]


def _silhouette(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    light = pixels * 0.75 + 64
    return light * (1 - mask[..., None]) + 12 * mask[..., None]


def _neon(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    field = pixels.astype(np.float32)
    hue = field / np.maximum(field.max(-1, keepdims=True), 40)
    hue = np.clip(hue + 1.4 * (hue - hue.mean(-1, keepdims=True)) + 0.15, 0.1, 1)
    glow = np.clip(np.maximum(_edges(pixels) * (0.35 + 0.65 * mask), _edges((mask * 255)[..., None])) * 2, 0, 1)
    halo = np.asarray(Image.fromarray((glow * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))) / 255
    return 255 * hue * np.clip(glow + 0.8 * halo, 0, 1)[..., None] + np.array([14, 6, 30])


def _mosaic(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    small = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BOX)).astype(np.float32)
    uneven = small * rng.uniform(0.8, 1.2, (16, 16, 1))
    tiles = np.repeat(np.repeat(uneven, 4, 0), 4, 1)
    rows, columns = np.mgrid[0:64, 0:64]
    grout = (rows % 4 == 3) | (columns % 4 == 3)
    return np.where(grout[..., None], 0.55 * tiles + 50, tiles)


def _sepia(pixels: Pixels, mask: Pixels, rng: Random) -> Pixels:
    gray = 70 + 0.62 * _gray(pixels)
    rows, columns = np.mgrid[0:64, 0:64]
    fade = 1.08 - 0.5 * (np.hypot(rows - 31.5, columns - 31.5) / 45) ** 2
    return (gray * fade)[..., None] * np.array([1.1, 0.86, 0.6])


STYLES = {
    "painting": _painting,
    "watercolor": _watercolor,
    "pixel art": _pixel_art,
    "pencil sketch": _pencil,
    "line drawing": _line_drawing,
    "black and white photo": _black_and_white,
    "cartoon": _cartoon,
    "silhouette": _silhouette,
    "neon sign": _neon,
    "mosaic": _mosaic,
    "sepia photo": _sepia,
}
