"""What choosing cost: how far a setting lies below the best of its recipe in hindsight, training by training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from staytrue.bench.choose import worths
from staytrue.bench.results import Results
from staytrue.bench.suites import Suite, variants
from staytrue.bench.summary import interval


def lacking(results: Sequence[Results], suite: Suite) -> dict[str, list[str]]:
    """The points of each arm that have no results, by its label; arms that have all are left out."""
    have = {r.label for r in results}
    found: dict[str, list[str]] = {}
    for one in variants(suite):
        if one.label not in have:
            found.setdefault(one.arm.label, []).append(one.label)
    return found


def regrets(results: Sequence[Results], suite: Suite) -> dict[str, dict[str, Any]]:
    """For every point of an arm that is chosen among, and for every arm that chooses, its mean regret.

    Formula: ``max_p w_p - w``, w the ``worth`` of one training (identity_heldout * clip_t_object) and p all points of the arm that
    is chosen among, of the same subject and seed. A choice that no point equals may have less than none.
    Known to fail: the best in hindsight is found by the same noisy scores, so every regret is somewhat too large; alike for all,
    so compare, and do not read one alone.

    Args:
        results: of a suite.
        suite: which says what points there are to choose among; its arms with ``of`` choose.

    Returns:
        ``{label: {"mean", "ci95"}}``, over the trainings of which all points are there; nothing of an arm some of whose points have
        no results (``unknown``).
    """
    found: dict[str, dict[str, Any]] = {}
    lack = unknown(results, suite)
    for name in dict.fromkeys(arm.of for arm in suite.arms if arm.of and arm.of not in lack):
        choosers = {arm.label for arm in suite.arms if arm.of == name}
        points = [r for r in results if r.header["arm"] == name]
        best = _best([worths(r) for r in points])
        for r in [*points, *(r for r in results if r.header["arm"] in choosers)]:
            mine = worths(r)
            if row := interval({run: best[run] - mine[run] for run in mine if run in best}, r):
                found[r.label] = row
    return found


def unknown(results: Sequence[Results], suite: Suite) -> dict[str, list[str]]:
    """The arms that are chosen among and whose best point nobody knows, with the points that have no results."""
    return {name: points for name, points in lacking(results, suite).items() if name in {arm.of for arm in suite.arms}}


def _best(points: Sequence[Mapping[tuple[str, int], float]]) -> dict[tuple[str, int], float]:
    whole = set.intersection(*(set(p) for p in points)) if points else set()
    return {run: max(p[run] for p in points) for run in whole}
