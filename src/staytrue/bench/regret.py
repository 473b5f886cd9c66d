"""What choosing cost: how far a setting lies below the best of its recipe in hindsight, training by training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from staytrue.bench.arms import Arm
from staytrue.bench.choose import worths
from staytrue.bench.results import Results
from staytrue.bench.summary import interval


def regrets(results: Sequence[Results], arms: Sequence[Arm]) -> dict[str, dict[str, Any]]:
    """For every point of an arm that is chosen among, and for every arm that chooses, its mean regret.

    Formula: ``max_p w_p - w``, w the ``worth`` of one training (identity_heldout * clip_t_object) and p all points of the arm that
    is chosen among, of the same subject and seed. A choice that no point equals may have less than none.
    Known to fail: the best in hindsight is found by the same noisy scores, so every regret is somewhat too large; alike for all,
    so compare, and do not read one alone.

    Args:
        results: of a suite.
        arms: of the suite; those with ``of`` choose.

    Returns:
        ``{label: {"mean", "ci95"}}``, where all points of a training are there.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(arm.of for arm in arms if arm.of):
        choosers = {arm.label for arm in arms if arm.of == name}
        points = [r for r in results if r.header["arm"] == name]
        best = _best([worths(r) for r in points])
        for r in [*points, *(r for r in results if r.header["arm"] in choosers)]:
            mine = worths(r)
            if row := interval({run: best[run] - mine[run] for run in mine if run in best}, r):
                found[r.label] = row
    return found


def _best(points: Sequence[Mapping[tuple[str, int], float]]) -> dict[tuple[str, int], float]:
    whole = set.intersection(*(set(p) for p in points)) if points else set()
    return {run: max(p[run] for p in points) for run in whole}
