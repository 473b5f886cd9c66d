"""The stage: a sprite with room around it, its clothes, and its pose in the picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from foundry.world.sprites import drawings, sprite

SIDE = 160
LEFT, TOP = 32, 48
VIEW = 128


@dataclass(frozen=True)
class Pose:
    """How a stage lies in the picture: center and size in shares of it, and turn in degrees."""

    x: float = 0.5
    y: float = 0.53
    size: float = 0.7
    turn: float = 0.0
    mirror: bool = False
    stretch: tuple[float, float] = (1.0, 1.0)


def stage(pixels: np.ndarray) -> Image.Image:
    """Put a sprite on the stage."""
    image = Image.new("RGBA", (SIDE, SIDE))
    image.paste(Image.fromarray(pixels), (LEFT, TOP))
    return image


def place(image: Image.Image, pose: Pose) -> Image.Image:
    """Move a stage into the 128x128 view by one affine map."""
    scale = pose.size * VIEW / 96
    turn = np.deg2rad(pose.turn)
    flip = -1 if pose.mirror else 1
    a, b = np.cos(turn) / scale, np.sin(turn) / scale
    sx, sy = flip / pose.stretch[0], 1 / pose.stretch[1]
    cx, cy = pose.x * VIEW, pose.y * VIEW
    rows = (a * sx, b * sx, 0, -b * sy, a * sy, 0)
    x0 = LEFT + 48 - rows[0] * cx - rows[1] * cy
    y0 = TOP + 48 - rows[3] * cx - rows[4] * cy
    matrix = (rows[0], rows[1], x0, rows[3], rows[4], y0)
    return image.transform((VIEW, VIEW), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def prop(emoji: str, rng: np.random.Generator) -> Image.Image:
    """A small thing in a random design, cropped to its outline."""
    designs = drawings((emoji,))
    keys = designs[rng.integers(len(designs))]
    image = Image.fromarray(sprite(keys[rng.integers(len(keys))]))
    return image.crop(image.getchannel("A").getbbox())


SECONDS = {
    "ball": "soccer-ball",
    "apple": "red-apple",
    "gift": "wrapped-gift",
    "balloon": "balloon",
    "flower": "tulip",
    "cup": "hot-beverage",
}


def second(name: str, rng: np.random.Generator) -> Image.Image:
    """A second object, on a stage of its own."""
    designs = drawings((SECONDS[name],))
    keys = designs[rng.integers(len(designs))]
    return stage(sprite(keys[rng.integers(len(keys))]))
