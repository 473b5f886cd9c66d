"""Scores of the red team: how much an attack costs, and how much of that a defense wins back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

MOST_DISTANCE, NONE_KEPT = 0.40, -1.0
IDENTITY_SHARE = 0.7
BITES = 0.30
AT_CLEAN = 0.9  # where calibration puts clean photos; degraded ones are at 1 - AT_CLEAN


def thresholded_identity(
    pictures: Float[ndarray, "pictures width"], photos: Float[ndarray, "photos width"]
) -> Float[ndarray, " pictures"]:
    """Likeness to those photos alone that are near enough to be taken for the same subject.

    Formula: ``s_i = mean{c_ij : 1 - c_ij <= 0.40}`` over photos j, c the cosine; -1 where no photo is so near.
    Reads: embeddings of the instance judge and of held-out photos. Returns: one number per picture in {-1} or [0.6, 1].
    Source: IMS_VGG of DiffShortcut (arXiv 2406.18944), get_score_tempalte.py; 0.40 is DeepFace's own limit for VGG-Face.
    Differs: our judge is of drawn subjects, not of faces, and for it the limit is no calibrated one.
    Known to fail: a mean of such numbers mixes a rate of matches with a likeness, so a cosine of 0.599 counts as -1. That is why
    the headline has the plain mean cosine, and this stands beside it.
    """
    cosines = pictures @ photos.T
    kept = 1 - cosines <= MOST_DISTANCE
    sums, counts = np.where(kept, cosines, 0.0).sum(axis=1), kept.sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), NONE_KEPT)


def worst_share(
    opinions: Float[ndarray, "pictures opinions"], good: Float[ndarray, " opinions"], bad: Float[ndarray, " opinions"]
) -> Float[ndarray, " pictures"]:
    """The least of ``(opinion - bad) / (good - bad)``: 1 where all opinions are those of good pictures, 0 where one is of bad."""
    return ((opinions - bad) / (good - bad)).min(axis=1)


def calibrated_quality(
    margins: Float[ndarray, " pictures"], clean: float, degraded: float
) -> Float[ndarray, " pictures"]:
    """Quality between 0 and 1, without a reference.

    Formula: ``q = 1 / (1 + exp(-ln 81 * (m - (clean + degraded) / 2) / (clean - degraded)))``: a picture whose margin is that
    of clean photos has 0.9, one whose margin is that of degraded copies 0.1.
    Reads: margins (``worst_share``), and their means over bundled clean photos and over their degraded copies.
    Source: ours. DiffShortcut's quality is CLIP-IQAC and LIQE: the miniature's CLIP does not see noise, and LIQE may not be used
    commercially.
    Known to fail: it knows noise, blur and blocks, and nothing else; a picture of something else, well drawn, scores well.
    """
    scaled = math.log((AT_CLEAN / (1 - AT_CLEAN)) ** 2) * (margins - (clean + degraded) / 2) / (clean - degraded)
    return 1 / (1 + np.exp(-np.clip(scaled, -60, 60)))


def average_score(identity: float, quality: float) -> float:
    """``(identity + quality) / 2``: DiffShortcut's overall score, with the plain mean cosine and a quality above 0."""
    return (identity + quality) / 2


def paper_average(identity: float, thresholded: float, quality: float) -> float:
    """``(0.7 * identity + 0.3 * thresholded + (2 * quality - 1)) / 2``, in [-1, 1].

    Source: DiffShortcut's ``overall_score``: the mean of IMS = 0.7 IMS_IP + 0.3 IMS_VGG and of a quality in [-1, 1].
    Differs: both likenesses are of one judge; the quality is of pixels (``calibrated_quality``), theirs of CLIP and LIQE.
    Known to fail: it may be 0 or below, so no share of it means anything; the headline does not use it.
    """
    likeness = IDENTITY_SHARE * identity + (1 - IDENTITY_SHARE) * thresholded
    return (likeness + 2 * quality - 1) / 2


def loss(clean: float, other: float) -> float | None:
    """What something costs, as a share of what was there: ``(clean - other) / clean``; None where clean is not above 0."""
    return (clean - other) / clean if clean > 0 else None


def gap_closed(clean: float, undefended: float, defended: float) -> float | None:
    """``(defended - undefended) / (clean - undefended)``: 1 where a defense makes up for the attack, 0 where it does nothing.

    None where the attack costs less than 30 %: then the denominator is small, and the quotient says little.
    """
    cost = loss(clean, undefended)
    return None if cost is None or cost < BITES else (defended - undefended) / (clean - undefended)


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Share of pairs in which the positive is larger, ties counting half (Mann and Whitney 1947)."""
    p, n = np.asarray(positives)[:, None], np.asarray(negatives)[None]
    return float((p > n).mean() + 0.5 * (p == n).mean())
