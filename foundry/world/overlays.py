"""Overlays: what moods and motions add to a picture, drawn in the 128x128 view."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from foundry.world.noise import noise
from foundry.world.sprites import sprite
from foundry.world.stage import VIEW, Pose

Random = np.random.Generator
MOODS = ("happy", "sad", "angry", "surprised")
MOTIONS = ("running", "jumping", "sleeping", "swimming", "flying")


def mood(layer: Image.Image, name: str, pose: Pose, rng: Random) -> None:
    """Draw a mood's signs around a figure."""
    half = 0.42 * pose.size * VIEW
    x, y = pose.x * VIEW, pose.y * VIEW
    spots = [(x - half - 6, y - half), (x + half + 4, y - half - 4), (x + rng.uniform(-10, 10), y - half - 12)]
    for sx, sy in spots:
        at = (float(np.clip(sx + rng.uniform(-4, 4), 14, 114)), float(np.clip(sy + rng.uniform(-4, 4), 14, 110)))
        SIGNS[name](layer, at, rng.uniform(0.85, 1.2))


def _heart(layer: Image.Image, at: tuple[float, float], size: float) -> None:
    pen = ImageDraw.Draw(layer)
    x, y = at
    for color, r in (((255, 255, 255), 6 * size + 1.5), ((235, 30, 80), 6 * size)):
        pen.ellipse([x - 1.9 * r, y - r * 1.6, x + 0.1 * r, y + 0.4 * r], fill=color)
        pen.ellipse([x - 0.1 * r, y - r * 1.6, x + 1.9 * r, y + 0.4 * r], fill=color)
        pen.polygon([(x - 1.8 * r, y - 0.1 * r), (x + 1.8 * r, y - 0.1 * r), (x, y + 2 * r)], fill=color)


def _tear(layer: Image.Image, at: tuple[float, float], size: float) -> None:
    pen = ImageDraw.Draw(layer)
    x, y = at[0], at[1] + 14
    for color, r in (((255, 255, 255), 6.5 * size + 1.5), ((50, 140, 245), 6.5 * size)):
        pen.polygon([(x - r * 0.95, y), (x + r * 0.95, y), (x, y - 2.6 * r)], fill=color)
        pen.ellipse([x - r, y - r * 0.6, x + r, y + r * 1.4], fill=color)


def _anger(layer: Image.Image, at: tuple[float, float], size: float) -> None:
    side = round(30 * size)
    sign = Image.fromarray(sprite("twemoji/anger-symbol")).resize((side, side), Image.Resampling.BILINEAR)
    corner = (round(at[0] - side / 2), round(at[1] - side / 2))
    layer.paste((255, 255, 255), corner, sign.getchannel("A").filter(ImageFilter.MaxFilter(5)))
    layer.paste(sign, corner, sign)


def _exclaim(layer: Image.Image, at: tuple[float, float], size: float) -> None:
    pen = ImageDraw.Draw(layer)
    x, y, r = *at, 5 * size
    for color, grow in (((40, 30, 10), 1.8), ((255, 225, 40), 0)):
        pen.polygon(
            [
                (x - r - grow, y - 12 - grow),
                (x + r + grow, y - 12 - grow),
                (x + 1 + grow, y + 5 + grow),
                (x - 1 - grow, y + 5 + grow),
            ],
            fill=color,
        )
        pen.ellipse([x - 3.5 - grow, y + 8 - grow, x + 3.5 + grow, y + 15 + grow], fill=color)


SIGNS = {"happy": _heart, "sad": _tear, "angry": _anger, "surprised": _exclaim}


def behind(layer: Image.Image, motion: str | None, pose: Pose, rng: Random) -> None:
    """Draw what a motion puts behind the figure."""
    if motion == "flying":
        _wings(ImageDraw.Draw(layer), pose)
    elif motion == "running":
        _speed(ImageDraw.Draw(layer), pose, rng)


def before(layer: Image.Image, motion: str | None, pose: Pose, rng: Random) -> None:
    """Draw what a motion puts before the figure."""
    if motion == "sleeping":
        _snores(ImageDraw.Draw(layer), pose, rng)
    elif motion == "swimming":
        _water(layer, rng)
    elif motion == "jumping":
        _hop(ImageDraw.Draw(layer), pose)


def _wings(pen: ImageDraw.ImageDraw, pose: Pose) -> None:
    x, y, reach = pose.x * VIEW, pose.y * VIEW, 0.72 * pose.size * VIEW
    for side in (-1, 1):
        tips = [(0.1, 0.1), (0.55, -0.75), (1, -0.6), (0.92, -0.25), (0.8, 0), (0.6, 0.2), (0.3, 0.3)]
        pen.polygon(
            [(x + side * reach * u, y + reach * v) for u, v in tips],
            fill=(252, 252, 255),
            outline=(120, 130, 160),
            width=2,
        )
        for u, v in ((0.9, -0.3), (0.78, -0.04)):
            pen.line(
                [(x + side * reach * 0.35, y - reach * 0.1), (x + side * reach * u, y + reach * v)],
                fill=(170, 180, 205),
                width=2,
            )


def _speed(pen: ImageDraw.ImageDraw, pose: Pose, rng: Random) -> None:
    """Figures look left unless mirrored, so lines trail on the other side."""
    away = -1 if pose.mirror else 1
    start = pose.x * VIEW + away * 0.3 * pose.size * VIEW
    for y in np.linspace(-0.34, 0.36, 5) * pose.size * VIEW + pose.y * VIEW:
        far = start + away * rng.uniform(36, 60)
        pen.line([start, y + 1, far, y + 1], fill=(60, 70, 90), width=6)
        pen.line([start, y, far, y], fill=(255, 255, 255), width=4)
    for k in range(3):
        x, y, r = start + away * (6 + 11 * k), (pose.y + 0.44 * pose.size) * VIEW, 9 - 2 * k
        pen.ellipse([x - r, y - r, x + r, y + r], fill=(225, 220, 210))


def _snores(pen: ImageDraw.ImageDraw, pose: Pose, rng: Random) -> None:
    x, y = pose.x * VIEW + rng.uniform(8, 20), (pose.y - 0.36 * pose.size) * VIEW
    for k, r in enumerate((6, 8, 11)):
        zx, zy = x + 13 * k, y - 13 * k
        points = [(zx - r, zy - r), (zx + r, zy - r), (zx - r, zy + r), (zx + r, zy + r)]
        pen.line(points, fill=(255, 255, 255), width=8, joint="curve")
        pen.line(points, fill=(40, 50, 140), width=4, joint="curve")


def _water(layer: Image.Image, rng: Random) -> None:
    rows, columns = np.mgrid[0:VIEW, 0:VIEW]
    level = rng.uniform(72, 80) + 3.5 * np.sin(columns / rng.uniform(5, 8) + rng.uniform(0, 6))
    ripple = np.sin(rows / 3.2 + 5 * noise(rng, VIEW, 6)) > 0.75
    water = np.empty((VIEW, VIEW, 4), np.uint8)
    water[..., :3] = np.where((ripple | (rows < level + 4))[..., None], (165, 220, 250), (30, 120, 210))
    water[..., 3] = np.where(rows > level, 225, 0)
    layer.alpha_composite(Image.fromarray(water))


def _hop(pen: ImageDraw.ImageDraw, pose: Pose) -> None:
    x, y = pose.x * VIEW, (pose.y + 0.56 * pose.size) * VIEW
    for k in (-1, 0, 1):
        for shift, color in ((1.5, (60, 70, 90)), (0, (255, 255, 255))):
            pen.line([x + 22 * k, y, x + 24 * k, y + 15], fill=color, width=4 + int(shift))
