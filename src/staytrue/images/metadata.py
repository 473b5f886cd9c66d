"""What a PNG says about itself: prompt, seed, model, in text chunks that any viewer shows."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from staytrue.errors import ImageError


def png_bytes(image: Image.Image, facts: dict[str, object] | None = None) -> bytes:
    """The picture as PNG, with ``facts`` as text chunks (keys at most 79 Latin-1 characters, values any text)."""
    info = PngInfo()
    for key, value in (facts or {}).items():
        info.add_itxt(key, str(value))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@contextmanager
def written_here(path: Path) -> Iterator[None]:
    """Around reading what a stage wrote: raises ``ImageError``, by name, where a disk or a broken copy has damaged it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError) as error:
        raise ImageError(
            f"{path} is damaged ({error}); delete it, and run the same command again, which makes it anew"
        ) from error


def read_png(path: Path) -> Image.Image:
    """A picture that a stage wrote, as RGB. Raises ``ImageError`` for a damaged one."""
    with written_here(path), Image.open(path, formats=("PNG",)) as image:
        return image.convert("RGB")


def read_png_facts(path: Path) -> dict[str, str]:
    """The text chunks of a PNG."""
    with Image.open(path, formats=("PNG",)) as image:
        image.load()  # chunks may follow the pixels
        return {key: str(value) for key, value in image.text.items()}  # type: ignore[attr-defined]
