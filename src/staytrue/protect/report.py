"""The page beside protected photos: what changed, made visible, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.evaluate.pictures_html import data_uri
from staytrue.protect.measure import amplified
from staytrue.runs import write_text

if TYPE_CHECKING:
    from PIL import Image

TEMPLATE = "report.html.j2"


def write_page(
    path: Path, told: dict[str, Any], pictures: tuple[Sequence[Image.Image], Sequence[Image.Image]], radius_levels: int
) -> None:
    """Writes the page.

    Args:
        path: of the file.
        told: what goes into ``protect.json``.
        pictures: clean and protected.
        radius_levels: the radius in 8-bit levels, for the amplified difference.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("staytrue.protect", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [
        {"clean": data_uri(a), "protected": data_uri(b), "difference": data_uri(amplified(a, b, radius_levels))}
        for a, b in zip(*pictures, strict=True)
    ]
    write_text(path, environment.get_template(TEMPLATE).render(told | {"rows": _rows(told, shown)}))


def _rows(told: dict[str, Any], shown: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """One per photo: its pictures and its numbers."""
    nothing = [None] * len(shown)
    columns = {
        "perceptual": told["perceptual"]["values"],
        "distance": told["distance"]["values"] or nothing,
        "before": told["mismatch"]["before"] or nothing,
        "after": told["mismatch"]["after"] or nothing,
    }
    numbers = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    parts = zip(told["files"], shown, told["changed"], numbers, strict=True)
    return [{"file": file, **uris, **changed, **row} for file, uris, changed, row in parts]
