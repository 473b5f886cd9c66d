"""Training curves as inline SVG: no script, no external file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 720.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 14.0, 28.0
NOT_LOSSES = {"step", "learning_rate", "lr", "time_s"}


@dataclass(frozen=True)
class Line:
    """One loss term: its name, the points of its running mean, and those of what was logged, as SVG ``points``."""

    name: str
    smooth: str
    raw: str
    last: float


@dataclass(frozen=True)
class Chart:
    """What the template draws: lines, and ticks as (position, label)."""

    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM


def chart(rows: Sequence[dict[str, Any]]) -> Chart | None:
    """A chart of every loss term over the steps; None where there are fewer than two rows.

    Args:
        rows: of the training log: ``step``, ``learning_rate``, and one number per objective.
    """
    names = sorted({key for row in rows for key in row if key not in NOT_LOSSES and isinstance(row[key], (int, float))})
    if len(rows) < 2 or not names:
        return None
    steps = [float(row["step"]) for row in rows]
    series = {name: [(float(r["step"]), float(r[name])) for r in rows if name in r] for name in names}
    top = max(value for points in series.values() for _, value in points) * 1.05 or 1.0

    def x(step: float) -> float:
        return LEFT + step / (steps[-1] or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    def path(points: list[tuple[float, float]]) -> str:
        return " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in points)

    smooth = {name: running_mean(points) for name, points in series.items()}
    lines = [Line(n, path(smooth[n]), path(series[n]), smooth[n][-1][1]) for n in names]
    x_ticks = [(x(s), f"{s:.0f}") for s in (steps[-1] * i / 4 for i in range(5))]
    return Chart(lines, x_ticks, [(y(top * i / 4), f"{top * i / 4:.3f}") for i in range(5)])


def running_mean(points: list[tuple[float, float]], share: float = 0.08) -> list[tuple[float, float]]:
    """Each value replaced by the mean of its neighbors within ``share`` of the whole, on both sides."""
    reach = max(1, round(len(points) * share / 2))
    values = [value for _, value in points]
    means = []
    for i, (step, _) in enumerate(points):
        near = values[max(0, i - reach) : i + reach + 1]
        means.append((step, sum(near) / len(near)))
    return means
