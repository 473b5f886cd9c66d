"""Sheets for the eye: contact sheets with captions, and grids that compare rows of pictures."""

from __future__ import annotations

import textwrap
from functools import cache
from itertools import zip_longest

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT = "white", "#222222", "#e4e4e4"
FONT_PX, LINE_PX, GAP_PX, MAX_LINES = 12, 15, 8, 4


def contact_sheet(images: list[Image.Image], labels: list[str], columns: int = 6, cell_px: int = 160) -> Image.Image:
    """Pictures in reading order, each with its label below, wrapped to the cell.

    Args:
        images: any sizes; each is scaled into its cell, never cropped.
        labels: as many as images.
        columns: at most this many a row.
        cell_px: side of a cell.

    Returns:
        One RGB picture.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} pictures but {len(labels)} labels")
    columns = max(1, min(columns, len(images)))
    lines = [_wrap(label, cell_px) for label in labels]
    rows = [range(start, min(start + columns, len(images))) for start in range(0, len(images), columns)]
    heights = [cell_px + GAP_PX + LINE_PX * max(len(lines[i]) for i in row) for row in rows]
    sheet = Image.new("RGB", (GAP_PX + columns * (cell_px + GAP_PX), GAP_PX + sum(heights)), PAPER)
    pen, top = ImageDraw.Draw(sheet), GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, index in enumerate(row):
            left = GAP_PX + column * (cell_px + GAP_PX)
            _paste(sheet, images[index], (left, top), cell_px)
            _write(pen, (left, top + cell_px + 2), lines[index])
        top += height
    return sheet


def comparison_grid(
    rows: list[tuple[str, list[Image.Image]]], column_labels: list[str] | None = None, cell_px: int = 128
) -> Image.Image:
    """One row of pictures per label, under column labels: models side by side, prompt by prompt.

    Args:
        rows: (label, pictures) from top to bottom; rows may differ in length.
        column_labels: above the columns, or None.
        cell_px: side of a cell.

    Returns:
        One RGB picture.
    """
    columns = max((len(images) for _, images in rows), default=0)
    heads = [_wrap(label or "", cell_px) for _, label in zip_longest(range(columns), (column_labels or [])[:columns])]
    margin = 150 if any(label for label, _ in rows) else 0
    header = LINE_PX * max((len(head) for head in heads), default=0) + (4 if column_labels else 0)
    step = cell_px + GAP_PX
    sheet = Image.new("RGB", (GAP_PX + margin + columns * step, GAP_PX + header + len(rows) * step), PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        _write(pen, (GAP_PX + margin + column * step, GAP_PX // 2), head)
    for number, (label, images) in enumerate(rows):
        top = GAP_PX + header + number * step
        _write(
            pen, (GAP_PX, top), _wrap(label, margin - GAP_PX, max_lines=max(1, cell_px // LINE_PX)) if margin else []
        )
        for column, image in enumerate(images):
            _paste(sheet, image, (GAP_PX + margin + column * step, top), cell_px)
    return sheet


def _paste(sheet: Image.Image, image: Image.Image, corner: tuple[int, int], cell_px: int) -> None:
    """Scales the picture into its cell; small pictures grow without inventing smoothness."""
    scale = cell_px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    scaled = image.convert("RGB").resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS)
    ImageDraw.Draw(sheet).rectangle((*corner, corner[0] + cell_px - 1, corner[1] + cell_px - 1), fill=FAINT)
    sheet.paste(scaled, (corner[0] + (cell_px - size[0]) // 2, corner[1] + (cell_px - size[1]) // 2))


def _wrap(label: str, width_px: int, max_lines: int = MAX_LINES) -> list[str]:
    letters = max(4, int(width_px / _font().getlength("abcdefghijklmnop") * 16))
    return textwrap.wrap(label, letters, max_lines=max_lines, placeholder=" ...")


def _write(pen: ImageDraw.ImageDraw, corner: tuple[int, int], lines: list[str]) -> None:
    for number, line in enumerate(lines):
        pen.text((corner[0], corner[1] + number * LINE_PX), line, fill=INK, font=_font())


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(FONT_PX)
