"""``staytrue bench plot``: figures as SVG, from files of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from staytrue.bench.frontier import ACROSS, UP, envelope
from staytrue.bench.metrics import METRICS
from staytrue.bench.minibench import Asked, tabled
from staytrue.bench.results import Results, results_in
from staytrue.bench.summary import interval, means, measured
from staytrue.bench.svg import Panel, Point, Series, figure
from staytrue.bench.tables import on_subjects
from staytrue.runs import write_text

TRADE = ("clip_t_object", "identity_heldout")
ALONG = ("identity_heldout", "clip_t_object", "composition", "class_leakage")


def make_plots(asked: Asked) -> list[Path]:
    """Writes ``trade.svg`` of each folder of results asked for, and ``along.svg`` where the suite says what along.

    Raises:
        ConfigError: no results, none on these subjects, or results that cannot be compared.
    """
    written = []
    for out, suite in tabled(asked):
        which = asked.subjects or (suite.subjects if suite else "reporting")
        results = on_subjects(results_in(out), which, out)
        written.append(out / "trade.svg")
        write_text(written[-1], figure([trade(results)]))
        if envelopes := frontier_panel(results):
            written.append(out / "frontier.svg")
            write_text(written[-1], figure([envelopes]))
        if suite is not None and suite.x is not None:
            written.append(out / "along.svg")
            write_text(written[-1], figure([along(results, metric, suite.x) for metric in along_metrics(results)]))
    return written


def frontier_panel(results: Sequence[Results]) -> Panel | None:
    """The frontiers that are compared at matched composition; None where no arm has several points."""
    arms: dict[str, list[tuple[float, float]]] = {}
    for r in results:
        x, y = (interval(means(r, metric), r) for metric in (ACROSS, UP))
        if x and y:
            arms.setdefault(r.header["arm"], []).append((x["mean"], y["mean"]))
    lines = [Series(arm, [Point(*p) for p in envelope(np.array(rows))]) for arm, rows in arms.items() if len(rows) > 1]
    return Panel(f"{UP} at the same {ACROSS}", ACROSS, UP, lines) if lines else None


def along_metrics(results: Sequence[Results]) -> tuple[str, ...]:
    """What is drawn along the steps: four of the metrics, and those of words where they were measured."""
    return (*ALONG, *(m for m in measured(results) if m not in METRICS))


def trade(results: Sequence[Results]) -> Panel:
    """Identity against truth to the prompt, one point per result, with both intervals."""
    across, up = TRADE
    series = []
    for arm in dict.fromkeys(r.header["arm"] for r in results):
        points = [
            Point(x["mean"], y["mean"], (*x["ci95"],), (*y["ci95"],))
            for r in results
            if r.header["arm"] == arm and (x := interval(means(r, across), r)) and (y := interval(means(r, up), r))
        ]
        series.append(Series(arm, points, joined=False))
    return Panel(f"{up} against {across}", across, up, series)


def along(results: Sequence[Results], metric: str, x: str) -> Panel:
    """A metric along one key of the grid, a line per arm and per point of the other keys."""
    lines: dict[str, list[Point]] = {}
    for r in results:
        if x not in r.header["at"] or not (row := interval(means(r, metric), r)):
            continue
        rest = [f"{k.rpartition('.')[2]} {v}" for k, v in r.header["at"].items() if k != x]
        name = ", ".join([r.header["arm"], *rest])
        lines.setdefault(name, []).append(Point(_number(r.header["at"][x]), row["mean"], None, (*row["ci95"],)))
    series = [Series(name, sorted(points, key=lambda p: p.x)) for name, points in lines.items()]
    return Panel(metric, x, metric, series)


def _number(value: Any) -> float:
    return float(value)
