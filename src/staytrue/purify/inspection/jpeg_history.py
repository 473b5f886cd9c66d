"""How hard a file was compressed, from what it says about itself."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from PIL import Image


def jpeg_quality(path: Path) -> float | None:
    """The quality (1 to 100, on libjpeg's scale) whose quantization tables are about as coarse as this file's; None for no JPEG.

    libjpeg scales its standard table by s = 5000 / q below q = 50 and 200 - 2 q above, in percent. Here s is the file's first table
    over the standard one, in sums. Cameras with tables of their own get the quality that loses as much.
    """
    with Image.open(path) as image:
        tables = getattr(image, "quantization", None)
    if not tables:
        return None
    scale = 100 * sum(tables[min(tables)]) / standard_sum()
    return max(1.0, min(100.0, (200 - scale) / 2 if scale <= 100 else 5000 / scale))


@cache
def standard_sum() -> int:
    """Sum of the standard's luminance table, which is what libjpeg writes at quality 50."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=50)
    with Image.open(buffer) as image:
        return int(sum(image.quantization[0]))  # type: ignore[attr-defined]
