"""The choice of a checkpoint, as the report shows it: two curves, the floor, and a row for each candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from staytrue.evaluate.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from staytrue.runs import RunFolder, read_json, read_jsonl

SHOWN = ("identity", "alignment")
Scale = Callable[[float], float]


def selection(run: RunFolder) -> dict[str, Any] | None:
    """What was measured and chosen; None where nothing was selected, or training is not complete."""
    file, manifest = run.training / "selection.jsonl", run.training / "manifest.json"
    chosen = read_json(manifest).get("selected") if manifest.is_file() else None
    if not chosen or not file.is_file():
        return None
    rows = read_jsonl(file)
    floor = chosen["floor"]
    x = _scale([row["step"] for row in rows], LEFT, WIDTH - RIGHT)
    values = [row[name] for row in rows for name in SHOWN] + ([] if floor is None else [floor])
    y = _scale(values, HEIGHT - BOTTOM, TOP)
    low, high = min(values), max(values)
    return {
        "chosen": chosen,
        "rows": [row | {"is_chosen": row["step"] == chosen["step"], "within": _within(row, floor)} for row in rows],
        "lines": [{"name": name, "points": [(x(row["step"]), y(row[name])) for row in rows]} for name in SHOWN],
        "chosen_x": x(chosen["step"]),
        "floor_y": None if floor is None else y(floor),
        "x_ticks": [(x(row["step"]), str(row["step"])) for row in _few(rows)],
        "y_ticks": [(y(low + (high - low) * i / 4), f"{low + (high - low) * i / 4:.3f}") for i in range(5)],
        "box": {
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "top": TOP,
            "bottom": HEIGHT - BOTTOM,
        },
    }


def _within(row: dict[str, Any], floor: float | None) -> bool:
    return floor is None or row["alignment"] >= floor


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    """Places the smallest value at ``start`` and the largest at ``end``."""
    low, span = min(values), (max(values) - min(values)) or 1.0
    return lambda value: round(start + (value - low) / span * (end - start), 1)


def _few(rows: Sequence[dict[str, Any]], most: int = 9) -> Sequence[dict[str, Any]]:
    """So many that their labels do not meet; the last always."""
    every = -(-len(rows) // most)
    return rows[::-1][::every][::-1]
