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
    "blockiness": "blocks of JPEG",
    "sharpness": "sharpness",
    "brightest": "brightest /255",
    "darkest": "darkest /255",
    "shorter_side_px": "shorter side, px",
    "nearest_other": "to the nearest other /255",
}


def inspection(run: RunFolder) -> dict[str, Any] | None:
    """Photos with verdict, reasons and their measures: those that can decide or did, and, apart, the others.

    Of each column its name and what is ordinary; of each value whether it decided. None without an inspection.
    """
    if not run.inspection.is_file():
        return None
    content = read_json(run.inspection)
    rows, limits = content["photos"], content.get("limits", {})  # older ones do not say what was ordinary
    taken = [name for name in SHOWN if any(name in row["measures"] for row in rows)]
    decide = [name for name in taken if name in limits or any(name in row["flagged"] for row in rows)]
    others = [name for name in taken if name not in decide]
    shown = [
        {
            "file": name,
            "word": row["word"],
            "reasons": row["reasons"],
            "values": [(_said(row["measures"].get(one)), one in row["flagged"]) for one in decide],
            "others": [_said(row["measures"].get(one)) for one in others],
        }
        for name, row in zip(_names(rows), rows, strict=True)
    ]
    return {
        "rows": shown,
        "columns": [(SHOWN[name], _ordinary(limits.get(name))) for name in decide],
        "others": [SHOWN[name] for name in others],
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
            "file": name,
            "noise": f"{row['noise_before']:.2f} to {row['noise_after']:.2f}",
            "detail": f"{row['detail_kept']:.0%}",
            "identity": _said(row["identity_kept"]),
            "mismatch": f"{_said(row['mismatch_before'])} to {_said(row['mismatch_after'])}"
            if row["mismatch_before"]
            else "",
            "distance": f"{row['distance']:.3f}",
            "seconds": f"{row['seconds']:.2f}",
        }
        for name, row in zip(_names(content["photos"]), content["photos"], strict=True)
    ]
    sheets = [_picture(path) for path in sorted(run.purified.glob("cleaning-*.jpg"))]
    return {"rows": rows, "distance_name": content["means"]["distance_name"], "sheets": sheets}


def _names(rows: list[dict[str, Any]]) -> list[str]:
    """Of the photos' files, with the subject's where there are several."""
    several = len({row["subject"] for row in rows}) > 1
    return [f"{row['subject']}: {Path(row['file']).name}" if several else Path(row["file"]).name for row in rows]


def _ordinary(limit: dict[str, float] | None) -> str:
    if limit is None:
        return ""
    return f"{'below' if limit['limit'] > limit['typical'] else 'above'} {_said(limit['limit'])}"


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _picture(path: Path) -> str | None:
    return data_uri(path, 1100) if path.is_file() else None


def _svg(path: Path) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
