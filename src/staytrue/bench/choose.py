"""Which setting of a search an arm is reported with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staytrue.bench.results import Results
from staytrue.bench.summary import means


def choices(results: Sequence[Results]) -> dict[str, dict[str, Any]]:
    """For each arm of a search, the setting with the largest ``worth``, and what every setting was worth.

    Returns:
        label of the arm -> ``{"set": assignments, "label", "worth", "all": {label: worth}}``.
    """
    found: dict[str, dict[str, Any]] = {}
    for r in results:
        row = found.setdefault(r.header["arm"], {"worth": float("-inf"), "all": {}})
        value = round(worth(r), 5)
        row["all"][r.label] = value
        if value > row["worth"]:
            row |= {"worth": value, "label": r.label, "set": r.header["set"]}
    return found


def worth(results: Results) -> float:
    """Mean over runs of identity times truth to the prompt, each run's ``identity_heldout * clip_t_object``, both at least 0.

    The product of concept preservation and prompt following, as DreamBench++ (arXiv 2406.16855) ranks methods: a setting that is
    blind in one of the two is worth nothing. The same rule serves every recipe, and only tuning subjects are asked.
    """
    products = worths(results).values()
    return sum(products) / len(products) if products else 0.0


def worths(results: Results) -> dict[tuple[str, int], float]:
    """The worth of each training, by (subject, seed)."""
    identity, truth = means(results, "identity_heldout"), means(results, "clip_t_object")
    return {run: max(identity[run], 0) * max(truth[run], 0) for run in identity if run in truth}
