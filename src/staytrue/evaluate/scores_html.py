"""The scores as the report shows them: a row per metric and reference, base model and personalized side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staytrue.types import Score

TITLES = {"dino": "DINO", "clip_i": "CLIP-I", "clip_t": "CLIP-T", "face": "Face"}
ASKS = {
    "trained": "likeness to the photos it was trained on",
    "heldout": "likeness to photos it has never seen",
    "prompt": "truth to the prompt, identifier taken out",
    "vague": "the same with the broad class noun",
}


def metric_rows(table: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``summary.json`` joined by metric, reference and whose photos, each mean placed on the scale of its own row.

    Returns:
        Dictionaries with ``title``, ``asks``, ``judge``, and per model a cell: the numbers, and positions in percent
        for a drawing.
    """
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in table:
        key = (entry["metric"], entry["against"], entry.get("of", ""))
        asks = ASKS.get(key[1], key[1]) + (f": {key[2]}" if key[2] else "")
        about = {"title": TITLES.get(key[0], key[0]), "asks": asks, "judge": entry["judge"]}
        rows.setdefault(key, about | {"against": key[1], "cells": {}})["cells"][entry["model"]] = dict(entry)
    for row in rows.values():
        cells = row["cells"].values()
        placed = [c[end] for c in cells for end in ("low", "mean", "high") if c[end] is not None]
        low, high = min(placed), max(placed)
        margin = (high - low) * 0.15 or 0.01
        low, width = low - margin, high - low + 2 * margin
        for cell in cells:
            ends = {end: cell["mean"] if cell[end] is None else cell[end] for end in ("low", "mean", "high")}
            cell |= {f"{end}_at": round(100 * (at - low) / width, 2) for end, at in ends.items()}
    return list(rows.values())


def cast_tables(table: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows ``casts`` of ``summary.json`` as a table for each subject, and for every two that are in one picture."""
    casts = dict.fromkeys(entry["cast"] for entry in table)
    return [{"title": cast, "rows": metric_rows([e for e in table if e["cast"] == cast])} for cast in casts]


def picture_notes(scores: Sequence[Score]) -> dict[str, str]:
    """Per picture, its scores in a line: "DINO 0.71 (held out) / CLIP-T 0.31"; where it shows two, each with whose photos."""
    compared: dict[str, set[str]] = {}
    for score in scores:
        compared.setdefault(score.file, set()).update({score.subject} - {""})
    notes: dict[str, list[str]] = {}
    for score in scores:
        against = {"heldout": " held out", "trained": " trained", "vague": " broad noun"}.get(score.against, "")
        whose = f" {score.subject}" if score.subject and len(compared[score.file]) > 1 else ""
        note = f"{TITLES.get(score.metric, score.metric)}{against}{whose} {score.value:.2f}"
        notes.setdefault(score.file, []).append(note)
    return {file: " · ".join(parts) for file, parts in notes.items()}
