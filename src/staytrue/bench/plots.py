"""``staytrue bench plot``: figures as SVG, from files of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from staytrue.bench.ceiling import IDEAL, ceiling
from staytrue.bench.frontier import AXES, envelope
from staytrue.bench.metrics import METRICS
from staytrue.bench.minibench import Asked, made_in, subjects_of, tabled
from staytrue.bench.results import Results
from staytrue.bench.summary import interval, means, measured
from staytrue.bench.svg import Panel, Point, Series, figure
from staytrue.bench.tables import compared
from staytrue.runs import write_text

TRADES = (("clip_t_object", "identity_heldout"), ("conditions", "identity_asked"))
ALONG = ("identity_heldout", "clip_t_object", "composition", "class_leakage")
ASKED = ("identity_asked", "conditions")  # of what was judged before there were such scores, nothing is drawn
SECONDS = "seconds"


def make_plots(asked: Asked) -> list[Path]:
    """Writes ``trade.svg`` of each folder of results asked for, and ``along.svg`` where the suite says what along.

    Raises:
        ConfigError: no results, none on these subjects, none of the suite's arms, or results that cannot be compared.
    """
    written = []
    for out, suite in tabled(asked):
        which = subjects_of(asked, suite)
        results, (_, folder) = compared(out, suite, which), made_in(asked, out, which)
        written.append(folder / "trade.svg")
        ideal = ceiling(results, out.parent)
        write_text(written[-1], figure([panel for pair in TRADES if (panel := trade(results, pair, ideal)).series]))
        if envelopes := [p for up, across in AXES.items() if (p := frontier_panel(results, across, up))]:
            written.append(folder / "frontier.svg")
            write_text(written[-1], figure(envelopes))
        if suite is not None and suite.x is not None:
            written.append(folder / "along.svg")
            write_text(written[-1], figure([along(results, metric, suite.x) for metric in along_metrics(results)]))
    return written


def frontier_panel(results: Sequence[Results], across: str, up: str) -> Panel | None:
    """The frontiers that are compared at the same ``across``; None where no arm has several points."""
    arms: dict[str, list[tuple[float, float]]] = {}
    for r in results:
        x, y = (interval(means(r, metric), r) for metric in (across, up))
        if x and y:
            arms.setdefault(r.header["arm"], []).append((x["mean"], y["mean"]))
    lines = [Series(arm, [Point(*p) for p in envelope(np.array(rows))]) for arm, rows in arms.items() if len(rows) > 1]
    return Panel(f"{up} at the same {across}", across, up, lines) if lines else None


def along_metrics(results: Sequence[Results]) -> tuple[str, ...]:
    """What is drawn along the steps: four of the metrics, and the others that were measured of what was asked and of words."""
    asked = [m for m in ASKED if any(means(r, m) for r in results)]
    return (*ALONG, *asked, *(m for m in measured(results) if m not in METRICS))


def trade(results: Sequence[Results], axes: tuple[str, str] = TRADES[0], ideal: Results | None = None) -> Panel:
    """Identity against truth to the prompt, one point per result, with both intervals; no lines where nothing was measured."""
    across, up = axes
    rows = [*results, *([ideal] if ideal else [])]
    points: dict[str, list[Point]] = {}
    for r in rows:
        x, y = (interval(means(r, metric), r) for metric in axes)
        if x and y:
            name = IDEAL if r is ideal else r.header["arm"]
            points.setdefault(name, []).append(Point(x["mean"], y["mean"], x["ci95"], y["ci95"]))
    series = [Series(name, some, joined=False) for name, some in points.items()]
    return Panel(f"{up} against {across}", across, up, series if points.keys() - {IDEAL} else [])


def along(results: Sequence[Results], metric: str, x: str) -> Panel:
    """A metric along one key of the grid, or along the seconds of training; a line per arm and per point of the other keys."""
    lines: dict[str, list[Point]] = {}
    for r in results:
        place, row = _place(r, x), interval(means(r, metric), r)
        if place is None or not row:
            continue
        along_it = (x, "train.steps") if x == SECONDS else (x,)
        rest = [f"{k.rpartition('.')[2]} {v}" for k, v in r.header["at"].items() if k not in along_it]
        name = ", ".join([r.header["arm"], *rest])
        lines.setdefault(name, []).append(Point(place, row["mean"], None, row["ci95"]))
    series = [Series(name, sorted(points, key=lambda p: p.x)) for name, points in lines.items()]
    return Panel(metric, x, metric, series, gridded=x != SECONDS)


def _place(results: Results, x: str) -> float | None:
    """Where a result stands along ``x``: mean seconds of its trainings, or its value of the grid; None without one."""
    if x == SECONDS:
        return float(np.mean([record["seconds"]["training"] for record in results.records]))
    return float(results.header["at"][x]) if x in results.header["at"] else None
