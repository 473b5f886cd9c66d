"""What the pixels alone say."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageFilter

LUMA = np.array([0.299, 0.587, 0.114])
SMOOTH_PX = 1.0
THUMBNAIL_PX = 32
BLOCK_PX = 8
Gray = Float[np.ndarray, "height width"]


def luma(image: Image.Image) -> Gray:
    """Luminance, 0 to 255."""
    return np.asarray(image).astype(np.float64) @ LUMA


def noise_level(image: Image.Image) -> float:
    """Standard deviation of fine noise, in levels of 255.

    sigma = median |N * I| / (6 x 0.6745), N = [1 -2 1; -2 4 -2; 1 -2 1], which no plane or straight edge along an axis excites.
    Source: Immerkaer, "Fast noise variance estimation", CVIU 64 (1996), eq. 2 to 4; the median for the mean, which keeps edges and
    texture out as long as they fill less than half of the picture.
    """
    gray = luma(image)
    rows = gray[:-2] - 2 * gray[1:-1] + gray[2:]
    both = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(np.median(np.abs(both)) / (6 * 0.6745))


def residual(image: Image.Image) -> Float[np.ndarray, "height width 3"]:
    """What a Gaussian of one pixel takes away, in levels of 255."""
    smooth = image.filter(ImageFilter.GaussianBlur(SMOOTH_PX))
    return np.asarray(image).astype(np.float64) - np.asarray(smooth)


def high_frequency(image: Image.Image) -> float:
    """Root mean square of ``residual``, in levels of 255."""
    return float(np.sqrt((residual(image) ** 2).mean()))


def sharpness(image: Image.Image) -> float:
    """99th percentile of luminance steps between neighbors, in levels of 255: what the sharpest edges have."""
    gray = luma(image)
    steps = np.concatenate([np.abs(np.diff(gray, axis=0)).ravel(), np.abs(np.diff(gray, axis=1)).ravel()])
    return float(np.percentile(steps, 99))


def brightest(image: Image.Image) -> float:
    """95th percentile of luminance: low in a photo that is too dark everywhere."""
    return float(np.percentile(luma(image), 95))


def darkest(image: Image.Image) -> float:
    """5th percentile of luminance: high in a photo that is too bright everywhere."""
    return float(np.percentile(luma(image), 5))


def blockiness(image: Image.Image) -> float:
    """Mean luminance step across the borders of 8 x 8 blocks, over the mean step elsewhere: about 1 without JPEG.

    Counts borders where JPEG would have them if the picture was not cropped since.
    """
    gray = luma(image)
    at, off = [], []
    for steps in (np.abs(np.diff(gray, axis=1)), np.abs(np.diff(gray, axis=0)).T):
        border = np.arange(1, steps.shape[1] + 1) % BLOCK_PX == 0
        at.append(steps[:, border].ravel())
        off.append(steps[:, ~border].ravel())
    return float((np.concatenate(at).mean() + 0.1) / (np.concatenate(off).mean() + 0.1))


def thumbnail(image: Image.Image) -> Float[np.ndarray, "side side 3"]:
    """The picture at 32 px, for comparison with others."""
    small = image.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    return np.asarray(small).astype(np.float64)


def nearest_other(images: list[Image.Image]) -> list[tuple[float, int | None]]:
    """For each picture, the one of the others most like it: mean difference of their thumbnails (levels of 255), and its index."""
    thumbnails = [thumbnail(image) for image in images]
    found: list[tuple[float, int | None]] = []
    for i, mine in enumerate(thumbnails):
        others = [(float(np.abs(mine - t).mean()), j) for j, t in enumerate(thumbnails) if j != i]
        found.append(min(others, default=(255.0, None)))
    return found
