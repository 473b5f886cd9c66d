"""Pictures of scenes: `sample_scene`, `caption` and `render` are the world's whole interface."""

from dataclasses import replace

import numpy as np
from PIL import Image

from foundry.world import overlays
from foundry.world.backgrounds import COLUMNS, ROWS, background
from foundry.world.captions import caption
from foundry.world.clothes import head_of, wear
from foundry.world.nouns import nouns
from foundry.world.paint import COLORS, recolor, texture
from foundry.world.scene import CLEAN, Scene, sample_scene
from foundry.world.shapes import cube
from foundry.world.stage import VIEW, Pose, place, second, stage
from foundry.world.styles import degrade, stylize
from foundry.world.variants import variant

__all__ = ["Scene", "caption", "render", "sample_scene"]

SIZES = {"tiny": (0.26, 0.34), "huge": (1.0, 1.15)}
STRETCH = {"tall": (0.62, 1.15), "wide": (1.2, 0.6)}


def render(scene: Scene, own: np.ndarray | None = None) -> np.ndarray:
    """Draw a scene as uint8 [64, 64, 3].

    Args:
        scene: what to show.
        own: an individual's sprite to show in place of the scene's variant.
    """
    rng = np.random.default_rng(scene.layout)
    pose = _pose(scene, rng)
    figure = place(_figure(scene, rng, own), pose)
    layers = _layers(scene, pose, figure, rng)
    pixels, mask = compose(background(scene.backdrop, rng), layers, shadow(pose, scene.motion))
    return _finish(scene, pixels, mask, rng)


def _finish(scene: Scene, pixels: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if scene.style:
        return stylize(pixels, mask, scene.style, rng)
    if scene.degradation and scene.degradation != CLEAN:
        return degrade(pixels, scene.degradation, rng)
    return pixels


def body(scene: Scene, rng: np.random.Generator, own: np.ndarray | None = None) -> np.ndarray:
    """The subject's own pixels: individual, color, texture and cube shape."""
    pixels = variant(scene.sprite, scene.individual, nouns()[scene.noun]) if own is None else own
    if scene.color:
        pixels = recolor(pixels, COLORS[scene.color])
    if scene.texture:
        pixels = texture(pixels, scene.texture, rng)
    return cube(pixels) if scene.shape == "cube shaped" else pixels


def _figure(scene: Scene, rng: np.random.Generator, own: np.ndarray | None) -> Image.Image:
    image = stage(body(scene, rng, own))
    return wear(image, scene.accessory, head_of(scene.sprite), rng) if scene.accessory else image


def _pose(scene: Scene, rng: np.random.Generator) -> Pose:
    """Place the subject: large and near the middle unless a condition says otherwise."""
    low, high = SIZES.get(scene.shape or "", (0.62, 0.86))
    if scene.accessory or scene.second or scene.mood or scene.motion:
        low, high = min(low, 0.54), min(high, 0.7)
    pose = Pose(
        x=0.5 + rng.uniform(-0.05, 0.05),
        y=0.53 + rng.uniform(-0.04, 0.05) + (0.06 if scene.accessory else 0),
        size=rng.uniform(low, high),
        turn=rng.normal(0, 4),
        mirror=rng.random() < 0.35,
        stretch=STRETCH.get(scene.shape or "", (rng.uniform(0.95, 1.05), 1.0)),
    )
    if scene.second:
        pose = replace(pose, x=pose.x + 0.14 * _side(scene))
    pose = _moved(pose, scene.motion, rng)
    return replace(pose, y=max(pose.y, 0.5 * pose.size + 0.17)) if scene.accessory else pose


def is_mirrored(scene: Scene) -> bool:
    """Whether the subject is seen from its other side; most emoji look left."""
    return _pose(scene, np.random.default_rng(scene.layout)).mirror


def _side(scene: Scene) -> int:
    """Which side the subject leaves free for a second object."""
    return 1 if scene.layout % 3 else -1


def _moved(pose: Pose, motion: str | None, rng: np.random.Generator) -> Pose:
    forward = 1 if pose.mirror else -1
    if motion == "running":
        return replace(pose, turn=pose.turn + forward * rng.uniform(9, 15), x=pose.x + 0.09 * forward)
    if motion == "jumping":
        return replace(pose, y=pose.y - rng.uniform(0.14, 0.2), turn=pose.turn - forward * rng.uniform(6, 16))
    if motion == "sleeping":
        return replace(pose, turn=rng.choice([-1, 1]) * rng.uniform(78, 96), y=0.62)
    if motion == "swimming":
        return replace(pose, y=rng.uniform(0.44, 0.5), size=max(pose.size, 0.62))
    return replace(pose, y=pose.y - 0.05) if motion == "flying" else pose


def _layers(scene: Scene, pose: Pose, figure: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Everything before the background, and the figure alone."""
    view = Image.new("RGBA", (VIEW, VIEW))
    overlays.behind(view, scene.motion, pose, rng)
    view.alpha_composite(figure)
    if scene.second:
        view.alpha_composite(place(second(scene.second, rng), _second_pose(scene, rng)))
    overlays.before(view, scene.motion, pose, rng)
    if scene.mood:
        overlays.mood(view, scene.mood, pose, rng)
    return view, figure


def _second_pose(scene: Scene, rng: np.random.Generator) -> Pose:
    x = 0.5 - _side(scene) * rng.uniform(0.28, 0.33)
    return Pose(x=x, y=rng.uniform(0.72, 0.8), size=rng.uniform(0.3, 0.38), turn=rng.normal(0, 6))


def compose(
    below: np.ndarray, layers: tuple[Image.Image, Image.Image], shade: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lay a view over a background.

    Returns:
        The picture, and the mask 0..1 of the figure.
    """
    view, figure = layers
    small = np.asarray(view.convert("RGBa").reduce(2)).astype(np.float32)
    below = below * (1 - shade)[..., None]
    pixels = small[..., :3] + below * (1 - small[..., 3:] / 255)
    mask = np.asarray(figure.getchannel("A").reduce(2)).astype(np.float32) / 255
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


def shadow(pose: Pose, motion: str | None = None) -> np.ndarray:
    """A soft shadow below the subject, smaller and further off when it jumps or flies."""
    high = motion in ("jumping", "flying")
    size = pose.size * 64
    y = 0.92 * 64 if high else (pose.y + 0.44 * pose.size * pose.stretch[1]) * 64
    wide = size * (0.25 if high else 0.42) * pose.stretch[0]
    far = ((COLUMNS - pose.x * 64) / wide) ** 2 + ((ROWS - y) / (0.09 * size + 1)) ** 2
    return 0.4 * np.exp(-far)
