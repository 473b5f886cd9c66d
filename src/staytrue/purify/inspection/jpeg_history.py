"""How hard a file was compressed, from what it says about itself."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from PIL import Image


def jpeg_quality(path: Path) -> float | None:
    """The quality (1 to 100, on libjpeg's scale) whose luminance table is about as coarse as this file's; None for no JPEG.

    libjpeg scales each entry b of its standard table to floor((b s + 50) / 100), kept within 1 and 255, with s = 5000 / q below
    q = 50 and 200 - 2 q above. Tables are compared by their sums; cameras with tables of their own get the quality that loses
    as much.
    """
    with Image.open(path) as image:
        tables = getattr(image, "quantization", None)
    if not tables:
        return None
    coarseness = sum(tables[min(tables)])
    return float(min(range(1, 101), key=lambda quality: (abs(table_sum(quality) - coarseness), quality)))


def table_sum(quality: int) -> int:
    """Of libjpeg's luminance table at this quality."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(max(1, min(255, (entry * scale + 50) // 100)) for entry in standard_table())


@cache
def standard_table() -> tuple[int, ...]:
    """The standard's own luminance table, which is what libjpeg writes at quality 50."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=50)
    with Image.open(buffer) as image:
        return tuple(image.quantization[0])  # type: ignore[attr-defined]
