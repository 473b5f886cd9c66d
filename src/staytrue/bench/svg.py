"""Small figures as SVG text: points with intervals, joined or not. No script, no font, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEGEND_ROW = 360.0, 250.0, 16.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 14.0, 28.0, 40.0
# told apart by most color-blind readers (Okabe and Ito)
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
# and where there are more names than colors, by the form of the point
MARKS = {
    "circle": "M{x} {y}m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z",
    "square": "M{x} {y}m-{r} -{r}h{d}v{d}h-{d}z",
    "diamond": "M{x} {y}m0 -{d}l{d} {d}l-{d} {d}l-{d} -{d}z",
}
TICKS = 5
# lines stand so many pixels beside each other, and all of them on so many, so that intervals at the same place do not hide another
ASIDE, WIDEST = 2.5, 15.0


@dataclass(frozen=True)
class Point:
    """A mean, with intervals where there are any."""

    x: float
    y: float
    across: Sequence[float] | None = None
    up: Sequence[float] | None = None


@dataclass(frozen=True)
class Series:
    """Points of one name and color."""

    name: str
    points: Sequence[Point]
    joined: bool = True


@dataclass(frozen=True)
class Panel:
    """One set of axes."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    gridded: bool = True  # whether the places along the bottom are settings, and not measurements


def figure(panels: Sequence[Panel]) -> str:
    """Panels side by side, two in a row, over one legend."""
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    names = list(dict.fromkeys(s.name for p in panels for s in p.series))
    looks = {name: look(i) for i, name in enumerate(names)}
    parts = [
        f'<g transform="translate({i % columns * WIDTH:g},{i // columns * HEIGHT:g})">{_panel(panel, looks)}</g>'
        for i, panel in enumerate(panels)
    ]
    top = rows * HEIGHT
    for i, name in enumerate(names):
        y = top + LEGEND_ROW * (i + 0.5)
        parts.append(looks[name].drawn(LEFT, y, 4))
        parts.append(f'<text x="{LEFT + 10:g}" y="{y + 4:g}">{escape(name)}</text>')
    width, height = columns * WIDTH, top + LEGEND_ROW * len(names) + 8
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    style = 'font-family="sans-serif" font-size="11" fill="#222"'
    return f'{head} {style}>\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"


@dataclass(frozen=True)
class Look:
    """How the points of one name look: no two names alike."""

    color: str
    mark: str

    def drawn(self, x: float, y: float, radius: float) -> str:
        """A point, in pixels."""
        path = MARKS[self.mark].format(x=f"{x:.1f}", y=f"{y:.1f}", r=f"{radius:g}", d=f"{2 * radius:g}")
        return f'<path class="point" d="{path}" fill="{self.color}"/>'


def look(number: int) -> Look:
    """Of the name with this number."""
    return Look(COLORS[number % len(COLORS)], tuple(MARKS)[number // len(COLORS) % len(MARKS)])


def ticks(low: float, high: float) -> list[float]:
    """About ``TICKS`` round numbers in [low, high]."""
    raw = (high - low) / (TICKS - 1)
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * i, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _panel(panel: Panel, looks: dict[str, Look]) -> str:
    points = [p for s in panel.series for p in s.points]
    x_low, x_high = _range([v for p in points for v in (p.x, *(p.across or ()))])
    y_low, y_high = _range([v for p in points for v in (p.y, *(p.up or ()))])

    def x(value: float) -> float:
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<text x="{LEFT:g}" y="16" font-weight="bold">{escape(panel.title)}</text>']
    parts += [
        f'<text x="{(LEFT + right) / 2:g}" y="{HEIGHT - 8:g}" text-anchor="middle">{escape(panel.x_label)}</text>'
    ]
    for value in ticks(x_low, x_high):
        parts.append(f'<text x="{x(value):.1f}" y="{floor + 14:g}" text-anchor="middle">{value:g}</text>')
    for value in ticks(y_low, y_high):
        parts.append(f'<path d="M{LEFT:g} {y(value):.1f}H{right:g}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{LEFT - 5:g}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<path d="M{LEFT:g} {TOP:g}V{floor:g}H{right:g}" fill="none" stroke="#222"/>')
    apart = min(ASIDE, WIDEST / len(panel.series)) if panel.series and panel.gridded else 0.0
    for number, series in enumerate(panel.series):
        tint = looks[series.name].color
        upright = series.joined and any(p.up and not p.across for p in series.points)
        aside = apart * (number - (len(panel.series) - 1) / 2) if upright else 0.0
        if series.joined and len(series.points) > 1:
            path = " ".join(f"{x(p.x) + aside:.1f},{y(p.y):.1f}" for p in series.points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{tint}" stroke-width="1.5"/>')
        for p in series.points:
            if p.up:
                parts.append(f'<path d="M{x(p.x) + aside:.1f} {y(p.up[0]):.1f}V{y(p.up[1]):.1f}" stroke="{tint}"/>')
            if p.across:
                parts.append(f'<path d="M{x(p.across[0]):.1f} {y(p.y):.1f}H{x(p.across[1]):.1f}" stroke="{tint}"/>')
            parts.append(looks[series.name].drawn(x(p.x) + aside, y(p.y), 3))
    return "".join(parts)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """From least to greatest with a little room; never empty."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - room, high + room
