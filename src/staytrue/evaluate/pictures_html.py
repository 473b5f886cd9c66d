"""Pictures inside the report: small enough to mail, sharp enough to look at."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

PNG_UP_TO_PX = 160


def data_uri(source: Path | Image.Image, longest_px: int = 448) -> str:
    """A picture as a ``data:`` URI: tiny ones unchanged as PNG, others scaled down and as JPEG."""
    if isinstance(source, Path):
        with Image.open(source) as opened:
            image = opened.convert("RGB")
    else:
        image = source.convert("RGB")
    buffer = io.BytesIO()
    if max(image.size) <= PNG_UP_TO_PX:
        image.save(buffer, "PNG", optimize=True)
        return _uri("png", buffer)
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    image.save(buffer, "JPEG", quality=90, optimize=True)
    return _uri("jpeg", buffer)


def _uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
