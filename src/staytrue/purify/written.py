"""Cleaned photos onto the disk, and what the cleaning did to them."""

from __future__ import annotations

import io
import re
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track

from staytrue.images.grid import comparison_grid
from staytrue.images.load import Photo
from staytrue.images.metadata import png_bytes
from staytrue.images.photos import PHOTO_ROWS, PhotoRow, subject_folder
from staytrue.purify.base import AnyPurifier, Cleaner, cleaner
from staytrue.purify.cleaned import Cleaned, compare
from staytrue.purify.inspection.inspect import draw_groups, embeddings
from staytrue.purify.none import NoPurifier
from staytrue.purify.tools import Tools
from staytrue.runs import RunFolder, fingerprint, write_bytes, write_json, write_jsonl

AMPLIFIED = 8


def write_subject(run: RunFolder, purifier: AnyPurifier, photos: list[Photo], tools: Tools, name: str) -> list[Cleaned]:
    """Writes a subject's cleaned photos and their rows.

    Returns:
        What the cleaning did to each; nothing where the purifier does nothing.
    """
    folder = subject_folder(run, name)
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier run made from other photos
    clean, rows, done, pairs = cleaner(purifier, tools), [], [], []
    shown = track(photos, f"purify {name}", console=Console(stderr=True), transient=True)
    for number, photo in enumerate(shown, start=1):
        row = PhotoRow(
            file_name(number, photo.path), photo.text, str(photo.path), fingerprint(photo.path), photo.repeats
        )
        started = time.perf_counter()
        image = checked(purifier.name, clean, photo.image)
        seconds = time.perf_counter() - started
        write_bytes(folder / row.file, png_bytes(image))
        rows.append(row)
        if not isinstance(purifier, NoPurifier):
            done.append(compare((name, row.file, seconds), photo.image, image, tools))
            pairs.append((photo.image, image))
    write_jsonl(folder / PHOTO_ROWS, rows)
    names = [photo.path.name for photo in photos]
    if done:
        _show(run, name, pairs, names)
    if done or run.cleaning.is_file():  # or what was cleaned before is still drawn
        cleaned = {"cleaned": [after for _, after in pairs]} if done else {}
        embeddings(run, name).unlink(missing_ok=True)  # of what was cleaned before; drawn anew where CLIP is loaded
        draw_groups(run, name, {"photo": [photo.image for photo in photos]} | cleaned, names, tools)
    return done


def checked(name: str, clean: Cleaner, image: Image.Image) -> Image.Image:
    """The cleaned picture. Raises ``TypeError`` where a purifier breaks its promise of size and mode."""
    cleaned = clean(image)
    if cleaned.mode != "RGB" or cleaned.size != image.size:
        raise TypeError(f"purifier {name!r} returned {cleaned.mode} {cleaned.size}, not RGB {image.size}")
    return cleaned


def write_cleaning(run: RunFolder, rows: Sequence[Cleaned]) -> dict[str, object]:
    """Writes ``cleaning.json``, or removes an old one where nothing was cleaned.

    Returns:
        For the manifest: seconds per photo, perceptual distance and its name, and what was kept and removed, as means.
    """
    names = {row.subject for row in rows}
    for sheet in run.purified.glob("cleaning-*.jpg"):  # of subjects or purifiers that are no longer there
        if sheet.stem.removeprefix("cleaning-") not in names:
            sheet.unlink()
    if not rows:
        run.cleaning.unlink(missing_ok=True)
        return {}
    means: dict[str, object] = {"distance_name": rows[0].distance_name}
    for field in fields(Cleaned):
        values = [getattr(row, field.name) for row in rows]
        if all(isinstance(value, float) for value in values):
            means[field.name] = float(f"{statistics.fmean(values):.4g}")
    means["seconds_per_photo"] = means.pop("seconds")
    write_json(run.cleaning, {"photos": list(rows), "means": means})
    return {"cleaning": means}


def file_name(number: int, photo: Path) -> str:
    """A name such as "01-my-garden.png": in order, and still recognizable."""
    stem = re.sub(r"[^a-z0-9]+", "-", photo.stem.lower()).strip("-")[:40]
    return f"{number:02d}-{stem}.png" if stem else f"{number:02d}.png"


def _show(run: RunFolder, name: str, pairs: list[tuple[Image.Image, Image.Image]], names: list[str]) -> None:
    """A sheet of photos before and after, with the difference amplified."""
    rows = [
        ("before", [before for before, _ in pairs]),
        ("after", [after for _, after in pairs]),
        (f"difference x{AMPLIFIED}", [_difference(before, after) for before, after in pairs]),
    ]
    buffer = io.BytesIO()
    comparison_grid(rows, names).save(buffer, "JPEG", quality=90)
    write_bytes(run.purified / f"cleaning-{name}.jpg", buffer.getvalue())


def _difference(before: Image.Image, after: Image.Image) -> Image.Image:
    import numpy as np

    change = np.asarray(after).astype(int) - np.asarray(before).astype(int)
    return Image.fromarray((128 + AMPLIFIED * change).clip(0, 255).astype(np.uint8))
