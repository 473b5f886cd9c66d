"""Identity at matched composition: what a method trades one for the other at is compared, not one place on its curve.

Composition ends early even for pictures without a mistake (docs/bench.md), so the same is asked of what the prompt asked for:
``identity_asked`` at matched ``conditions``, where these were judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from staytrue.bench.results import Results
from staytrue.bench.summary import means, rounded, seeds_each
from staytrue.evaluate.reduce import DRAWS, ends

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

AXES = {"identity_heldout": "composition", "identity_asked": "conditions"}  # what is compared -> at the same of what
PLACES = 21


def envelope(points: Float[ndarray, "points 2"]) -> Float[ndarray, "kept 2"]:
    """The points (composition, identity) that no other is above in both, by rising composition."""
    order = points[np.lexsort((-points[:, 1], -points[:, 0]))]  # from the most composition down
    best = np.maximum.accumulate(order[:, 1])
    kept = np.r_[True, order[1:, 1] > best[:-1]]
    return order[kept][::-1]


def gap(mine: Float[ndarray, "points 2"], theirs: Float[ndarray, "points 2"]) -> float:
    """How much more identity one frontier has than another at the same composition.

    Formula: the mean of ``I_a(c) - I_b(c)`` over the compositions c that both envelopes reach (``span``), I their linear
    interpolation. What one alone reaches, with less composition than the other has anywhere, or with more, does not count.
    """
    one, other = envelope(mine), envelope(theirs)
    places = np.linspace(*span(mine, theirs), PLACES)
    return float(np.mean(_at(one, places) - _at(other, places)))


def span(mine: Float[ndarray, "points 2"], theirs: Float[ndarray, "points 2"]) -> tuple[float, float]:
    """The compositions that are compared: from the larger of both starts to the smaller of both ends.

    Where one begins beyond the other's end there is no such range, and c is that end alone: the one that has more composition
    everywhere is taken at its start, its largest identity (more composition than asked for is no fault).
    """
    one, other = envelope(mine), envelope(theirs)
    high = min(one[-1, 0], other[-1, 0])
    return float(min(max(one[0, 0], other[0, 0]), high)), float(high)


def frontiers(results: Sequence[Results]) -> dict[str, dict[str, Any]]:
    """``gap`` for every ordered pair of arms of which each has several points, with its interval.

    An arm's points are its settings along the grid; one without a grid has none. Designs are drawn, as everywhere; each draw
    has frontiers of its own, so that what is uncertain about which point is best is in the interval. Only arms of equally many
    points are compared: more points reach further by chance alone, and a suite that is not finished has fewer of some.

    Returns:
        ``{"A-vs-B": {"identity_heldout": {"mean", "ci95", "from", "to"}, "identity_asked": {...}, "subjects", "seeds"}}``, the gap
        over the compositions (or conditions) from one to the other; those of a draw may be others.
    """
    arms: dict[str, list[Results]] = {}
    for r in results:
        arms.setdefault(r.header["arm"], []).append(r)
    several = {name: points for name, points in arms.items() if len(points) > 1}
    found: dict[str, dict[str, Any]] = {}
    for a, b in combinations(several, 2):
        shared = set.intersection(*(r.finished for r in (*several[a], *several[b])))
        if shared and len(several[a]) == len(several[b]):
            about = {"subjects": len({s for s, _ in shared}), "seeds": seeds_each(shared)}
            found[f"{a}-vs-{b}"], found[f"{b}-vs-{a}"] = dict(about), dict(about)
            for up, across in AXES.items():
                pair = [_by_subject(several[name], shared, (across, up)) for name in (a, b)]
                if any(rows.size == 0 for rows in pair):
                    continue
                row = _interval(pair, several[a][0], sorted({s for s, _ in shared}))
                found[f"{a}-vs-{b}"][up] = row
                found[f"{b}-vs-{a}"][up] = _turned(row)
    return found


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    limits = row["ci95"]
    return row | {"mean": -row["mean"], "ci95": limits and [-limits[1], -limits[0]]}


def _at(line: Float[ndarray, "kept 2"], places: Float[ndarray, " places"]) -> Float[ndarray, " places"]:
    return np.interp(places, line[:, 0], line[:, 1])


def _by_subject(
    points: Sequence[Results], shared: Iterable[tuple[str, int]], axes: tuple[str, str]
) -> Float[ndarray, "subjects points 2"]:
    """Both scores of each point, mean over the seeds of each subject; nothing where a run was not judged by one of them."""
    shared = sorted(shared)
    subjects = sorted({s for s, _ in shared})
    columns = [[means(r, metric) for metric in axes] for r in points]
    if not all(values.keys() >= set(shared) for pair in columns for values in pair):
        return np.empty((0, len(points), 2))
    return np.array(
        [
            [[_mean(values, [key for key in shared if key[0] == subject]) for values in pair] for pair in columns]
            for subject in subjects
        ]
    )


def _mean(values: Mapping[tuple[str, int], float], keys: Sequence[tuple[str, int]]) -> float:
    return float(np.mean([values[key] for key in keys]))


def _interval(
    pair: Sequence[Float[ndarray, "subjects points 2"]], of: Results, subjects: Sequence[str]
) -> dict[str, Any]:
    designs = {r["subject"]: r["design"] for r in of.records}
    groups: dict[str, list[int]] = {}
    for place, subject in enumerate(subjects):
        groups.setdefault(designs[subject], []).append(place)
    members = list(groups.values())
    draws = np.random.default_rng(0).integers(0, len(members), size=(DRAWS, len(members)))
    drawn = [np.concatenate([members[g] for g in row]) for row in draws]
    gaps = [gap(*(rows[some].mean(axis=0) for rows in pair)) for some in drawn]
    points = [rows.mean(axis=0) for rows in pair]
    mean, (low, high) = gap(*points), span(*points)
    found = {"mean": round(mean, 5), "ci95": rounded(ends(mean, np.array(gaps), len(members)))}
    return found | {"from": round(low, 5), "to": round(high, 5)}
