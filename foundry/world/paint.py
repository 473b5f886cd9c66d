"""Paint on sprites: colors by luminance, and textures."""

import numpy as np
from PIL import Image

from foundry.world.noise import noise

COLORS = {
    "red": (222, 30, 38),
    "orange": (250, 130, 20),
    "yellow": (252, 214, 30),
    "green": (45, 170, 60),
    "turquoise": (40, 205, 200),
    "blue": (35, 85, 225),
    "purple": (135, 50, 190),
    "pink": (255, 115, 185),
    "brown": (128, 76, 38),
    "black": (38, 38, 42),
    "white": (246, 246, 248),
    "gray": (135, 137, 142),
}
TEXTURES = ("striped", "dotted", "checkered", "shiny", "wooden", "furry", "rainbow")
SPECTRUM = np.array([COLORS[c] for c in ("red", "orange", "yellow", "green", "blue", "purple")], np.float32)
ROWS, COLUMNS = np.mgrid[0:96, 0:96].astype(np.float32)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Brightness 0..1 of RGB given as 0..255."""
    return rgb[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255


def recolor(sprite: np.ndarray, color: tuple[int, int, int], strength: float = 1.0) -> np.ndarray:
    """Repaint a sprite in shades of one color, keeping its light and dark."""
    gray = np.asarray(Image.fromarray(sprite).convert("L"))
    middle = float(np.median(gray[sprite[..., 3] > 128])) / 255
    power = np.log(0.6) / np.log(np.clip(middle, 0.06, 0.94))
    shades = _shade(np.linspace(0, 1, 256) ** power, np.array(color, np.float32))
    painted = np.concatenate([shades.astype(np.uint8)[gray], sprite[..., 3:]], -1)
    return (
        painted
        if strength == 1
        else np.asarray(Image.blend(Image.fromarray(sprite), Image.fromarray(painted), strength))
    )


def _shade(light: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Dark, color and highlight for light of 0, 0.6 and 1."""
    down = np.clip(light / 0.6, 0, 1)[..., None]
    up = np.clip((light - 0.6) / 0.4, 0, 1)[..., None]
    return color * (0.18 + 0.82 * down) * (1 - 0.35 * up) + 255 * 0.35 * up


def texture(sprite: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """Cover a sprite with a named texture."""
    painters = {"shiny": _shiny, "wooden": _wooden, "furry": _furry, "rainbow": _rainbow}
    if name in painters:
        return painters[name](sprite, rng)
    return _overprint(sprite, pattern(name, rng))


def pattern(name: str, rng: np.random.Generator) -> np.ndarray:
    """Mask 0..1 [96, 96] of stripes, dots or checks."""
    angle = rng.choice([0.0, np.pi / 4, np.pi / 2, -np.pi / 4]) + rng.uniform(-0.15, 0.15)
    pitch, shift = rng.uniform(15, 21), rng.uniform(0, 20, 2)
    u = (COLUMNS * np.cos(angle) + ROWS * np.sin(angle) + shift[0]) / pitch
    v = (-COLUMNS * np.sin(angle) + ROWS * np.cos(angle) + shift[1]) / pitch
    if name == "striped":
        return _edge(0.5 * np.sin(2 * np.pi * u) * pitch / 3)
    if name == "checkered":
        return _edge(np.sin(np.pi * u) * np.sin(np.pi * v) * pitch / 3)
    v = v + 0.5 * (np.floor(u) % 2)
    return _edge((0.31 - np.hypot(u % 1 - 0.5, v % 1 - 0.5)) * pitch)


def _edge(distance: np.ndarray) -> np.ndarray:
    return np.clip(distance + 0.5, 0, 1)


def _overprint(sprite: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Print a mask in white on dark sprites, in near-black on light ones."""
    solid = sprite[..., 3] > 128
    ink = 250 if luminance(sprite)[solid].mean() < 0.62 else 30
    out = sprite.copy()
    weight = 0.85 * mask[..., None]
    out[..., :3] = sprite[..., :3] * (1 - weight) + ink * weight
    return out


def _shiny(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = sprite.astype(np.float32)
    out[..., :3] = 128 + (out[..., :3] - 128) * 1.25 - 12
    for reach, width in ((rng.uniform(60, 85), 9), (rng.uniform(100, 118), 4)):
        band = np.clip(1.5 - np.abs(COLUMNS + ROWS - reach) / width, 0, 1)[..., None]
        out[..., :3] += (255 - out[..., :3]) * band * 0.9
    for _ in range(3):
        out[..., :3] += _sparkle(sprite, rng)[..., None]
    return np.clip(out, 0, 255).astype(np.uint8)


def _sparkle(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spots = np.argwhere(sprite[..., 3] > 128)
    y, x = spots[rng.integers(len(spots))]
    far = np.abs(COLUMNS - x) * np.abs(ROWS - y) * 0.5 + (np.abs(COLUMNS - x) + np.abs(ROWS - y)) * 0.12
    return 255 * np.clip(1.3 - far, 0, 1)


def _wooden(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = recolor(sprite, (178, 120, 66))
    rings = np.sin(ROWS / 2.6 + 9 * noise(rng, 96, 6) + COLUMNS / 40)
    out[..., :3] = np.clip(out[..., :3] * (0.82 + 0.2 * rings[..., None]), 0, 255)
    return out


def _furry(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Comb the sprite into tufts, ragged at the outline."""
    push = (noise(rng, 96, 40) - 0.5) * 16
    lift = (noise(rng, 96, 40) - 0.5) * 16
    rows = np.clip(ROWS + lift, 0, 95).astype(np.intp)
    columns = np.clip(COLUMNS + push, 0, 95).astype(np.intp)
    out = sprite[rows, columns]
    comb = 0.68 + 0.64 * noise(rng, 96, 48)[..., None]
    out[..., :3] = np.clip(out[..., :3] * comb, 0, 255)
    return out


def _rainbow(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = rng.choice([0.0, np.pi / 2, np.pi / 4])
    along = (COLUMNS * np.cos(angle) + ROWS * np.sin(angle)) / (96 * (np.cos(angle) + np.sin(angle)))
    bands = SPECTRUM[np.clip(along * 6, 0, 5).astype(np.intp)]
    light = np.clip(luminance(sprite) / 0.6, 0.3, 1.25)[..., None]
    out = sprite.copy()
    out[..., :3] = np.clip(bands * light, 0, 255)
    return out
