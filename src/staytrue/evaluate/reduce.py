"""From scores per image to a mean and its interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval.

    Attributes:
        mean: of the scores.
        low: lower end.
        high: upper end.
        n: scores.
    """

    mean: float
    low: float
    high: float
    n: int


def bootstrap(scores: Sequence[float], groups: Sequence[Hashable] | None = None, seed: int = 0) -> Interval:
    """Mean and percentile bootstrap interval.

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
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high), len(values))
