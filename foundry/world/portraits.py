"""Portraits: photos of one individual that differ in pose, light and background."""

import numpy as np
from PIL import Image

from foundry.world.backgrounds import PLAIN, SCENES, background
from foundry.world.draw import compose, shadow
from foundry.world.stage import Pose, place, stage

Random = np.random.Generator


def portrait(pixels: np.ndarray, backdrop: str, rng: Random, mirrored: bool = True) -> np.ndarray:
    """Photograph a sprite, large, before a background: uint8 [64, 64, 3].

    Args:
        pixels: the individual's sprite.
        backdrop: a background of the world.
        rng: chooses pose and light.
        mirrored: whether it may be seen from its other side, as lettered things may not.
    """
    pose = Pose(
        x=0.5 + rng.uniform(-0.06, 0.06),
        y=0.53 + rng.uniform(-0.04, 0.04),
        size=rng.uniform(0.64, 0.86),
        turn=rng.uniform(-13, 13),
        mirror=mirrored and rng.random() < 0.4,
        stretch=(rng.uniform(0.9, 1.08), rng.uniform(0.92, 1.06)),
    )
    view = place(_lit(stage(pixels), rng), pose)
    return compose(background(backdrop, rng), (view, view), shadow(pose))[0]


def backdrops(rng: Random, count: int) -> list[str]:
    """Different backgrounds: scenes, with a plain one now and then."""
    names = [*SCENES, str(rng.choice(list(PLAIN)))]
    return [str(name) for name in rng.choice(names, count, replace=False)]


def _lit(image: Image.Image, rng: Random) -> Image.Image:
    """Light a stage: brighter or darker, warmer or cooler, from one side."""
    pixels = np.asarray(image).astype(np.float32)
    warmth = rng.uniform(-0.07, 0.07)
    gain = rng.uniform(0.8, 1.12) * np.array([1 + warmth, 1, 1 - warmth], np.float32)
    side = np.linspace(-1, 1, image.width, dtype=np.float32) * rng.uniform(-0.16, 0.16)
    pixels[..., :3] *= gain * (1 + side)[None, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
