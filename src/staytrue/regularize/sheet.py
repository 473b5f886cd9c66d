"""The contact sheet of the class images."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from staytrue.images.grid import contact_sheet
from staytrue.images.metadata import read_png
from staytrue.runs import write_bytes
from staytrue.types import Sample

SHOWN, COLUMNS, CELL_PX = 96, 12, 128


def write_sheet(path: Path, root: Path, samples: list[Sample]) -> None:
    """Writes up to 96 of the samples, evenly spaced, each above its caption; removes an old sheet where there are none.

    Args:
        path: the JPEG to write.
        root: what the samples' paths are relative to.
        samples: the class images.
    """
    if not samples:
        path.unlink(missing_ok=True)
        return
    number = min(SHOWN, len(samples))
    shown = [samples[i * len(samples) // number] for i in range(number)]
    images = [_thumbnail(root / sample.image) for sample in shown]
    buffer = io.BytesIO()
    contact_sheet(images, [s.caption.render() for s in shown], COLUMNS, CELL_PX).save(buffer, "JPEG", quality=90)
    write_bytes(path, buffer.getvalue())


def _thumbnail(path: Path) -> Image.Image:
    image = read_png(path)
    image.thumbnail((2 * CELL_PX, 2 * CELL_PX))
    return image
