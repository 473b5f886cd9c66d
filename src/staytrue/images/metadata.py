"""What a PNG says about itself: prompt, seed, model, in text chunks that any viewer shows."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def png_bytes(image: Image.Image, facts: dict[str, object] | None = None) -> bytes:
    """The picture as PNG, with ``facts`` as text chunks (keys at most 79 Latin-1 characters, values any text)."""
    info = PngInfo()
    for key, value in (facts or {}).items():
        info.add_itxt(key, str(value))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def read_png_facts(path: Path) -> dict[str, str]:
    """The text chunks of a PNG."""
    with Image.open(path, formats=("PNG",)) as image:
        image.load()  # chunks may follow the pixels
        return {key: str(value) for key, value in image.text.items()}  # type: ignore[attr-defined]
