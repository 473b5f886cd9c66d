"""From scores per image to a mean and its interval."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

DRAWS = 2000
# 97.5 % quantiles of Student's t for 1 to 10 degrees of freedom
T975 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval.

    Attributes:
        mean: of the scores.
        low: lower end; None where all scores are of one group, which says nothing of other groups.
        high: upper end.
        n: scores.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def bootstrap(scores: Sequence[float], groups: Sequence[Hashable] | None = None, seed: int = 0) -> Interval:
    """Mean and bootstrap interval.

    Pictures of one prompt are alike, so whole groups are drawn, not single pictures: with ``groups`` (such as each
    score's prompt) the interval is not narrower than the prompts allow.

    Args:
        scores: at least one.
        groups: one label a score; None makes every score its own group.
        seed: of the draws, so that a table is the same each time.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        raise ValueError("no scores to reduce")
    labels = list(groups) if groups is not None else list(range(len(values)))
    index = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    member = np.array([index[label] for label in labels])
    sums, sizes = np.bincount(member, weights=values), np.bincount(member)
    drawn = np.random.default_rng(seed).integers(0, len(index), size=(DRAWS, len(index)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    mean = float(values.mean())
    low, high = ends(mean, means, len(index)) or (None, None)
    return Interval(mean, low, high, len(values))


def ends(mean: float, drawn: Float[ndarray, " draws"], groups: int) -> tuple[float, float] | None:
    """The 95 % interval of a statistic from its bootstrap draws; None where one group was all there was to draw from.

    Formula: ``mean +- t sqrt(G / (G - 1)) s``, s the standard deviation of the draws, G the groups, t the 97.5 % quantile of
    Student's t with G - 1 degrees of freedom. The plain quantiles of the draws cover too little of few groups: four fifths
    with four normal groups, these 95 % (``tests/evaluate/test_reduce.py`` counts). After Hesterberg, "What teachers should know
    about the bootstrap" (2015), on samples that are small.
    """
    if groups < 2:
        return None
    half = t975(groups - 1) * math.sqrt(groups / (groups - 1)) * float(np.std(drawn))
    return mean - half, mean + half


def t975(freedom: int) -> float:
    """The 97.5 % quantile of Student's t; beyond the table by its expansion around the normal one (error below 2e-4)."""
    if freedom <= len(T975):
        return T975[freedom - 1]
    z = 1.959964
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
