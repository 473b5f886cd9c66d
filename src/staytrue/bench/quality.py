"""How well drawn a picture is, without a reference: the worst that its pixels say of noise, blur and blocks.

Not by CLIP: the miniature's judge likes noisy photos as well as clean ones (docs/log.md), and noise is what protections leave.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from staytrue.bench.judge import photos_in
from staytrue.bench.metrics import auc, calibrated_quality, worst_share
from staytrue.bench.subjects import members
from staytrue.purify.inspection import pixels

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

PHOTOS_EACH = 2
SEES = 0.75


@dataclass(frozen=True)
class Calibration:
    """What the pixels of photos say that are known to be good, and those of the same photos made bad.

    Attributes:
        good: mean of each of ``OPINIONS`` over clean photos.
        bad: the same over copies that are degraded in the way which that opinion is of.
        clean: mean margin of clean photos.
        degraded: of all their degraded copies.
        auc: how often a clean photo has the larger margin than a copy, for the degradation that is told worst: below 0.75 this is
            no judge of quality, and gives none.
        photos: how many clean ones.
    """

    good: tuple[float, ...]
    bad: tuple[float, ...]
    clean: float
    degraded: float
    auc: float
    photos: int


@cache
def calibration() -> Calibration:
    """Measured on held-out photos of the subjects for tuning, in a second."""
    tuning = [member.subject for member in members() if member.split == "tuning"]
    clean = [photo for subject in tuning for photo in photos_in(subject.heldout)[:PHOTOS_EACH]]
    copies = {bad: [bad(photo) for photo in clean] for bad in DEGRADED}
    good = opinions(clean).mean(axis=0)
    bad = np.array([opinions(copies[of])[:, k].mean() for k, (of, _) in enumerate(OPINIONS)])
    margin = worst_share(opinions(clean), good, bad)
    worse = [worst_share(opinions(some), good, bad) for some in copies.values()]
    told = min(auc(margin.tolist(), some.tolist()) for some in worse)
    scale = float(margin.mean()), float(np.concatenate(worse).mean())
    return Calibration(tuple(good.tolist()), tuple(bad.tolist()), *scale, told, len(clean))


def quality(pictures: Sequence[Image.Image], seen: Calibration) -> ndarray:
    """Between 0 and 1 for each picture: clean photos at 0.9, degraded ones at 0.1. NaN where the calibration cannot tell them."""
    if seen.auc < SEES:
        return np.full(len(pictures), np.nan)
    margins = worst_share(opinions(pictures), np.array(seen.good), np.array(seen.bad))
    return calibrated_quality(margins, seen.clean, seen.degraded)


def opinions(pictures: Sequence[Image.Image]) -> Float[ndarray, "pictures opinions"]:
    """What the pixels say of each kind of damage: larger is better, in logarithms, since the eye judges ratios."""
    return np.array([[of(picture) for _, of in OPINIONS] for picture in pictures])


def _noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 32, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _blurry(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(image.width / 32))


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=10)
    return Image.open(file).convert("RGB")


def _small(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 4, image.height // 4), Image.Resampling.BICUBIC).resize(image.size)


DEGRADED: tuple[Callable[[Image.Image], Image.Image], ...] = (_noisy, _blurry, _jpeg, _small)
# what each opinion is of, and the opinion; the added constants keep an even picture's finite
OPINIONS: tuple[tuple[Callable[[Image.Image], Image.Image], Callable[[Image.Image], float]], ...] = (
    (_noisy, lambda image: -float(np.log(pixels.noise_level(image) + 0.3))),
    (_blurry, lambda image: float(np.log(pixels.sharpness(image) + 1e-3))),
    (_jpeg, lambda image: -float(np.log(pixels.blockiness(image) + 0.1))),
)
