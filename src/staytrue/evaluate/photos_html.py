"""What the inspection found and what cleaning changed, as the report shows them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from staytrue.evaluate.pictures_html import data_uri
from staytrue.runs import RunFolder, read_json

SHOWN = {
    "mismatch": "seen as noise",
    "class_cosine": "cosine to the class",
    "noise_level": "noise /255",
    "high_frequency": "fine detail /255",
    "round_trip": "round trip /255",
    "latent_shift": "latent shift",
    "latent_gain": "latent gain",
    "latent_aim": "latent aim",
    "denoising_gap": "denoising gap",
    "jpeg_quality": "JPEG quality",
    "sharpness": "sharpness",
}


def inspection(run: RunFolder) -> dict[str, Any] | None:
    """Photos with verdict, reasons and the measures most worth a column (value, whether it decided); None without an inspection."""
    if not run.inspection.is_file():
        return None
    content = read_json(run.inspection)
    rows = content["photos"]
    columns = [name for name in SHOWN if any(name in row["measures"] for row in rows)]
    shown = [
        {
            "file": Path(row["file"]).name,
            "word": row["word"],
            "reasons": row["reasons"],
            "values": [(_said(row["measures"].get(name)), name in row["flagged"]) for name in columns],
        }
        for row in rows
    ]
    return {
        "rows": shown,
        "columns": [SHOWN[name] for name in columns],
        "skipped": content["skipped"],
        "flagged": sum(row["word"] != "fine" for row in rows),
        "sheet": _picture(run.inspection.with_suffix(".jpg")),
        "embeddings": [
            (p.stem.removeprefix("embeddings-"), _svg(p)) for p in sorted(run.purified.glob("embeddings-*.svg"))
        ],
        "rights": read_json(run.rights) if run.rights.is_file() else [],
    }


def cleaning(run: RunFolder) -> dict[str, Any] | None:
    """Photo by photo, noise removed beside identity and detail kept; None where nothing was cleaned."""
    if not run.cleaning.is_file():
        return None
    content = read_json(run.cleaning)
    rows = [
        {
            "file": row["file"],
            "noise": f"{row['noise_before']:.2f} to {row['noise_after']:.2f}",
            "detail": f"{row['detail_kept']:.0%}",
            "identity": _said(row["identity_kept"]),
            "mismatch": f"{_said(row['mismatch_before'])} to {_said(row['mismatch_after'])}"
            if row["mismatch_before"]
            else "",
            "distance": f"{row['distance']:.3f}",
            "seconds": f"{row['seconds']:.2f}",
        }
        for row in content["photos"]
    ]
    sheets = [_picture(path) for path in sorted(run.purified.glob("cleaning-*.jpg"))]
    return {"rows": rows, "distance_name": content["means"]["distance_name"], "sheets": sheets}


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _picture(path: Path) -> str | None:
    return data_uri(path, 1100) if path.is_file() else None


def _svg(path: Path) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
