"""What cleaning did to a photo: noise removed, beside identity and detail kept. Too much of the first costs the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from staytrue.images.crop import pixels_pm1
from staytrue.purify.inspection.pixels import luma, noise_level
from staytrue.purify.scaled import as_seen

if TYPE_CHECKING:
    from staytrue.purify.tools import Tools


@dataclass(frozen=True)
class Cleaned:
    """One photo before and after, a row of ``cleaning.json``.

    Attributes:
        subject: whose.
        file: the purified photo's.
        seconds: that the cleaning took.
        distance: perceptual, to the original.
        distance_name: which one.
        noise_before: standard deviation of fine noise, in levels of 255, at the size that the model sees.
        noise_after: the same of the cleaned photo.
        detail_kept: share of the original's edges that the cleaned photo still has, 0 to 1, at that size.
        identity_kept: cosine of CLIP's embeddings of both; None without CLIP.
        mismatch_before: p(noise) by CLIP.
        mismatch_after: the same of the cleaned photo.
    """

    subject: str
    file: str
    seconds: float
    distance: float
    distance_name: str
    noise_before: float
    noise_after: float
    detail_kept: float
    identity_kept: float | None = None
    mismatch_before: float | None = None
    mismatch_after: float | None = None


def compare(row: tuple[str, str, float], before: Image.Image, after: Image.Image, tools: Tools) -> Cleaned:
    """Measures one photo before and after; noise and detail at the size that the model sees, the distance at the photo's own.

    Args:
        row: subject, file and seconds.
        before: the original.
        after: the cleaned photo, of the same size.
        tools: of the subject; its CLIP is used if one is loaded.
    """
    from staytrue.purify.distance import perceptual_distance

    distance = tools.once("distance", lambda: perceptual_distance(tools.device))
    pair = [pixels_pm1([image]).to(tools.device) for image in (before, after)]
    first, second = (as_seen(image, tools.facts.resolution_px if tools.facts else None) for image in (before, after))
    numbers = {"noise_before": noise_level(first), "noise_after": noise_level(second)}
    numbers |= {"distance": float(distance.between(*pair)), "detail_kept": detail_kept(first, second)}
    seen = _seen(before, after, tools)
    rounded = {name: float(f"{value:.4g}") for name, value in (numbers | seen).items()}
    subject, file, seconds = row
    return Cleaned(subject, file, round(seconds, 4), distance_name=distance.name, **rounded)


def detail_kept(before: Image.Image, after: Image.Image) -> float:
    """Sum over edges of min(|g_after . g_before|, |g_before|^2) / sum |g_before|^2: 1 where every edge is as strong as it was.

    Edges are the tenth of the pixels where the original's luminance gradient g is largest; noise is spread over the others.
    """
    first, second = (np.stack(np.gradient(luma(image))) for image in (before, after))
    power = (first**2).sum(axis=0)
    edges = power >= np.quantile(power, 0.9)
    kept = np.clip((first * second).sum(axis=0), 0, power)[edges].sum()
    total = power[edges].sum()
    return float(kept / total) if total else 1.0


def _seen(before: Image.Image, after: Image.Image, tools: Tools) -> dict[str, float]:
    clip = tools.memory.get("clip")
    if clip is None:
        return {}
    from staytrue.purify.inspection.zero_shot import look

    sight = look(clip, [before, after], tools.class_noun)
    identity = float(sight.embeddings[0] @ sight.embeddings[1])
    return {"identity_kept": identity, "mismatch_before": sight.mismatch[0], "mismatch_after": sight.mismatch[1]}
