"""From files of results to means, intervals and paired differences: ``summary.json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np

from staytrue.bench.metrics import METRICS, OF_WORDS
from staytrue.bench.prompts import MAIN_LIST, PHOTOS
from staytrue.bench.results import Record, Results
from staytrue.evaluate.reduce import bootstrap

OF_RUN = {"class_leakage", "drift", *OF_WORDS}
Where = Callable[[Record, Mapping[str, Any]], bool]


def on_main_list(record: Record, prompt: Mapping[str, Any]) -> bool:  # noqa: ARG001
    """Whether a prompt counts in the summary: the 25 of the main list do."""
    return bool(prompt["list"] == MAIN_LIST)


def counted(record: Record, prompt: Mapping[str, Any]) -> bool:
    """The same, and photos under their own captions: the row "real photos" has no other prompts."""
    return on_main_list(record, prompt) or bool(prompt["list"] == PHOTOS)


def measured(results: Sequence[Results]) -> tuple[str, ...]:
    """The metrics that every result has, and those that any of these has besides."""
    return (*METRICS, *(m for m in OF_WORDS if any(m in record for r in results for record in r.records)))


def summary(results: Sequence[Results], metrics: Sequence[str] | None = None) -> dict[str, Any]:
    """The content of ``summary.json``, of these metrics; None for all that were measured.

    Returns:
        ``{"recipes": {label: {metric: {"mean", "ci95"}}}, "paired": {"A-vs-B": {metric: {"mean", "ci95"}, "subjects", "seeds"}}}``,
        differences as A minus B, for every ordered pair that shares subjects and seeds. A metric without a value is left out;
        one that has no answer for some of the subjects says of how many it is, ``{"mean", "ci95", "subjects"}``.
        ``ci95`` is null where all subjects are of one design. Real photos are paired with nothing: their prompts are their own.
    """
    metrics = measured(results) if metrics is None else metrics
    table = {r.label: {m: means(r, m) for m in metrics} for r in results}
    recipes = {
        r.label: {m: _counted(_interval(v, r), v, r.finished) for m, v in table[r.label].items() if v} for r in results
    }
    paired = {}
    for a, b in permutations([r for r in results if not r.of_photos], 2):
        if shared := a.finished & b.finished:
            rows: dict[str, Any] = {}
            for m in metrics:
                mine, other = table[a.label][m], table[b.label][m]
                if row := difference(mine, other, a):
                    rows[m] = _counted(row, mine.keys() & other.keys(), shared)
            paired[f"{a.label}-vs-{b.label}"] = rows | {"subjects": _subjects(shared), "seeds": seeds_each(shared)}
    return {"recipes": recipes, "paired": paired}


def means(results: Results, metric: str, where: Where = counted) -> dict[tuple[str, int], float]:
    """The mean of a metric for each (subject, seed), over the pictures of the prompts that ``where`` lets through.

    Pictures without a value (a lone picture's diversity) do not count; runs without any are left out.
    """
    found = {}
    for record in results.records:
        values = record.get(metric, []) if metric in OF_RUN else of_pictures(record, metric, where)
        numbers = [v for v in values if v is not None]
        if numbers:
            found[record["subject"], record["seed"]] = float(np.mean(numbers))
    return found


def of_pictures(record: Record, metric: str, where: Where) -> list[float | None]:
    """A column of a record, of the prompts that ``where`` lets through."""
    if metric not in record["columns"]:  # judged before there was such a metric
        return []
    column = record["columns"].index(metric)
    wanted = {place for place, prompt in enumerate(record["prompts"]) if where(record, prompt)}
    return [row[column] for row in record["images"] if row[0] in wanted]


def difference(a: Mapping[tuple[str, int], float], b: Mapping[tuple[str, int], float], of: Results) -> dict[str, Any]:
    """Mean of a - b over what both have, with its interval; empty where they share nothing.

    Each difference is between two trainings of the same subject with the same seed, scored on the same prompts and first noise.
    """
    return _interval({key: a[key] - b[key] for key in a if key in b}, of)


def seeds_each(runs: set[tuple[str, int]]) -> int:
    """How many seeds every subject has."""
    return min(sum(1 for subject, _ in runs if subject == one) for one in {s for s, _ in runs})


def seen_by_any(results: Sequence[Results], seen: bool) -> Where:
    """Which prompts ask only for what some of the results were trained with (``seen``), or for something that none was.

    One division for all recipes of a table, by subject: else a recipe would be compared on the prompts that its own class set
    happened to hold. A prompt of which nothing is known, as of pictures that nobody was trained for, is neither.
    """
    held: dict[tuple[str, str], dict[str, bool]] = {}
    for r in results:
        for record in r.records:
            for prompt in record["prompts"]:
                slots = held.setdefault((record["subject"], prompt["id"]), {})
                for slot, was in prompt["seen"].items():
                    slots[slot] = slots.get(slot, False) or was

    def where(record: Record, prompt: Mapping[str, Any]) -> bool:
        slots = held[record["subject"], prompt["id"]]
        return on_main_list(record, prompt) and bool(slots) and all(slots.values()) == seen

    return where


def seen_known(results: Sequence[Results]) -> bool:
    """Whether of any prompt of the main list it is known what was trained with."""
    return any(
        p["seen"] and on_main_list(record, p) for r in results for record in r.records for p in record["prompts"]
    )


def by_condition(results: Sequence[Results], metrics: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The means on prompts that are seen and on those that are not, as ``seen_by_any`` divides them.

    Returns:
        ``{label: {metric: {"seen": {"mean", "ci95"}, "unseen": {"mean", "ci95"}}}}``, without what has no value; empty
        where nothing is known of any prompt.
    """
    if not seen_known(results):
        return {}
    which = {"seen": seen_by_any(results, True), "unseen": seen_by_any(results, False)}
    found: dict[str, dict[str, Any]] = {}
    for r in results:
        rows = {m: {name: _interval(means(r, m, where), r) for name, where in which.items()} for m in metrics}
        found[r.label] = {m: said for m, row in rows.items() if (said := {k: v for k, v in row.items() if v})}
    return found


def of_kind(kind: str) -> Where:
    """Prompts of the main list and of one kind."""
    return lambda record, prompt: on_main_list(record, prompt) and prompt["kind"] == kind


def of_list(name: str) -> Where:
    """Prompts of one list."""
    return lambda record, prompt: prompt["list"] == name  # noqa: ARG005


def interval(values: Mapping[tuple[str, int], float], of: Results) -> dict[str, Any]:
    """Mean over subjects of the mean over seeds, with its 95 % interval; empty without values."""
    return _interval(values, of)


def _counted(row: dict[str, Any], runs: Iterable[tuple[str, int]], of: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """The row with the number of its subjects, where that is not the number of all."""
    count = _subjects(runs)
    return row if count == _subjects(of) else row | {"subjects": count}


def _subjects(runs: Iterable[tuple[str, int]]) -> int:
    return len({subject for subject, _ in runs})


def _interval(values: Mapping[tuple[str, int], float], of: Results) -> dict[str, Any]:
    """The bootstrap draws designs: pictures, prompts and seeds of one subject say nothing about other subjects."""
    if not values:
        return {}
    designs = {r["subject"]: r["design"] for r in of.records}
    subjects = sorted({subject for subject, _ in values})
    by_subject = [float(np.mean([v for (s, _), v in values.items() if s == subject])) for subject in subjects]
    found = bootstrap(by_subject, [designs[s] for s in subjects])
    return {"mean": round(found.mean, 5), "ci95": rounded((found.low, found.high))}


def rounded(limits: tuple[float | None, float | None] | None) -> list[float] | None:
    """Both ends of an interval for JSON; None where there is none."""
    if limits is None or limits[0] is None or limits[1] is None:
        return None
    return [round(limits[0], 5), round(limits[1], 5)]


def as_json(value: dict[str, Any]) -> str:
    """The summary as text, one line per recipe or pair."""
    parts = []
    for part, rows in value.items():
        lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in rows.items())
        parts.append(f' "{part}": {{\n{lines}\n }}' if rows else f' "{part}": {{}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"
