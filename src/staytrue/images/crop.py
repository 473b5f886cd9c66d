"""Squares for a model that draws squares: center crop, random crop, resize, and the door to tensors."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Box = tuple[int, int, int, int]


def center_box(size: tuple[int, int]) -> Box:
    """The largest centered square (left, top, right, bottom) of a picture of (width, height)."""
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return left, top, left + side, top + side


def random_box(size: tuple[int, int], ratio: tuple[float, float], rng: random.Random) -> Box:
    """A square anywhere in the picture, its side the shorter side times a uniform draw from ``ratio``.

    With ratio (0.75, 1.0) this is the crop of "A Data Perspective" (arXiv 2311.04315, section 3).

    Args:
        size: (width, height) of the picture.
        ratio: smallest and largest side, as shares of the shorter side; (1, 1) still moves along the longer side.
        rng: the only source of chance.
    """
    low, high = ratio
    if not 0 < low <= high <= 1:
        raise ValueError(f"crop ratios must satisfy 0 < low <= high <= 1, got {ratio}")
    side = max(1, round(min(size) * rng.uniform(low, high)))
    left, top = rng.randint(0, size[0] - side), rng.randint(0, size[1] - side)
    return left, top, left + side, top + side


def fit(image: Image.Image, resolution_px: int, box: Box | None = None) -> Image.Image:
    """The part of the picture in ``box`` (default: the centered square) at ``resolution_px`` squared, antialiased."""
    box = box or center_box(image.size)
    if box == (0, 0, resolution_px, resolution_px) == (0, 0, *image.size):
        return image
    # cropped first: resize(box=...) would let pixels outside the box bleed in
    return image.crop(box).resize((resolution_px, resolution_px), Image.Resampling.LANCZOS)


def pixels_pm1(images: list[Image.Image]) -> Float[Tensor, "rows 3 height width"]:
    """RGB pictures of one size as float32 in [-1, 1]."""
    import numpy as np
    import torch

    rows = np.stack([np.asarray(image.convert("RGB")) for image in images])
    return torch.from_numpy(rows).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(pm1: Float[Tensor, "rows 3 height width"]) -> list[Image.Image]:
    """Pictures from [-1, 1], clipped and rounded to 8 bits."""
    unit = (pm1.detach().float().cpu().clamp(-1, 1) + 1) * 127.5
    return [Image.fromarray(row) for row in unit.round().byte().permute(0, 2, 3, 1).contiguous().numpy()]
