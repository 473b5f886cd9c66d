"""How well drawn a picture is, without a reference: CLIP's good and bad words, on a scale that bundled photos give."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from staytrue.bench.judge import photos_in
from staytrue.bench.metrics import auc, calibrated_quality, quality_margin
from staytrue.bench.subjects import members
from staytrue.grammar import with_article

if TYPE_CHECKING:
    from numpy import ndarray

GOOD = ("a photo of {}", "{}")
# as the miniature was told
BAD = ("a noisy photo of {}", "a blurry photo of {}", "a low quality photo of {}", "{}, jpeg artifacts")
PHOTOS_EACH = 2
SEES = 0.75


@dataclass(frozen=True)
class Calibration:
    """What CLIP makes of photos that are known to be good, and of the same photos made bad.

    Attributes:
        clean: mean margin of clean photos.
        degraded: of their degraded copies.
        auc: how often a clean photo has the larger margin: below 0.75 this CLIP is no judge of quality, and gives none.
        photos: how many clean ones.
    """

    clean: float
    degraded: float
    auc: float
    photos: int


@cache
def calibration(clip: Any) -> Calibration:
    """Measured on held-out photos of the subjects for tuning: once for each CLIP, in seconds."""
    clean: list[float] = []
    degraded: list[float] = []
    for member in members():
        if member.split == "tuning":
            noun = member.subject.class_noun
            photos = photos_in(member.subject.heldout)[:PHOTOS_EACH]
            clean += margins(clip, photos, noun).tolist()
            degraded += margins(clip, [bad(photo) for photo in photos for bad in DEGRADED], noun).tolist()
    return Calibration(float(np.mean(clean)), float(np.mean(degraded)), auc(clean, degraded), len(clean))


def quality(clip: Any, pictures: Sequence[Image.Image], noun: str, seen: Calibration) -> ndarray:
    """Between 0 and 1 for each picture: clean photos are at 0.9, degraded ones at 0.1. NaN where this CLIP cannot tell them."""
    if seen.auc < SEES:
        return np.full(len(pictures), np.nan)
    return calibrated_quality(margins(clip, pictures, noun), seen.clean, seen.degraded)


def margins(clip: Any, pictures: Sequence[Image.Image], noun: str) -> ndarray:
    """``quality_margin`` of pictures of a class."""
    good, bad = (_concept(clip, templates, noun) for templates in (GOOD, BAD))
    return quality_margin(clip.images(list(pictures)).numpy().astype(np.float64), good, bad)


def _concept(clip: Any, templates: Sequence[str], noun: str) -> ndarray:
    """The direction of the mean of some texts."""
    rows = clip.texts([t.format(with_article(noun)) for t in templates]).numpy().astype(np.float64)
    mean = rows.mean(axis=0)
    return mean / np.linalg.norm(mean)


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
