"""Of how many subjects and pictures a score is, where that is fewer than its row has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from staytrue.bench.results import Results
from staytrue.bench.summary import OF_RUN, counted, means, of_pictures


def fewer(results: Sequence[Results], metrics: Sequence[str]) -> str:
    """A line below a table of means; empty where every score is of all the pictures of its row."""
    return _line((m, r.label, said) for m in metrics for r in results if (said := _said(r, m)) is not None)


def fewer_pairs(paired: Mapping[str, Mapping[str, Any]], metrics: Sequence[str]) -> str:
    """A line below a table of differences; empty where each is of all the subjects that its pair shares."""
    rows = [(m, name, row[m], row["subjects"]) for m in metrics for name, row in paired.items() if m in row]
    return _line(
        (m, name, f"{row['subjects']} of {of} subjects" if "subjects" in row else "") for m, name, row, of in rows
    )


def _said(results: Results, metric: str) -> str | None:
    """Empty where all is there; None where the row has no such score at all. Pictures count where subjects do not explain them."""
    have, every = ({subject for subject, _ in runs} for runs in (means(results, metric), results.finished))
    if not have:
        return None
    parts = [f"{len(have)} of {len(every)} subjects"] if have < every else []
    if metric not in OF_RUN:
        known, drawn = (_pictures(results, column) for column in (metric, "prompt"))
        if known < _pictures(results.of(have), "prompt"):
            parts.append(f"{known} of {drawn} pictures")
    return ", ".join(parts)


def _pictures(results: Results, column: str) -> int:
    return sum(value is not None for record in results.records for value in of_pictures(record, column, counted))


def _line(rows: Iterable[tuple[str, str, str]]) -> str:
    """Rows are named where they are not all alike."""
    alike: dict[str, dict[str, list[str]]] = {}
    for metric, name, said in rows:
        alike.setdefault(metric, {}).setdefault(said, []).append(name)
    parts = [
        f"{metric} {said}" + (f" ({', '.join(names)})" if len(groups) > 1 else "")
        for metric, groups in alike.items()
        for said, names in groups.items()
        if said
    ]
    return f"Not of all: {'; '.join(parts)}." if parts else ""
