"""A strip: the first picture of every prompt of one setting, kept when its pictures give way to the next setting's."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from staytrue.images.crop import fit

CELL_PX = 128


def strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures in a row, as squares of one side, at most 128 px."""
    side = min(CELL_PX, *(min(picture.size) for picture in pictures))
    row = Image.new("RGB", (side * len(pictures), side))
    for place, picture in enumerate(pictures):
        row.paste(fit(picture, side), (place * side, 0))
    return row


def cut(row: Image.Image) -> list[Image.Image]:
    """The squares of a strip."""
    side = row.height
    return [row.crop((left, 0, left + side, side)) for left in range(0, row.width, side)]
