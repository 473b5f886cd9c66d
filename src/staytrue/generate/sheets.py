"""The comparison grid of a subject: prompts by [photos | base model | personalized model]."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from staytrue.images.grid import comparison_grid
from staytrue.images.photos import photo_rows, subject_folder
from staytrue.runs import RunFolder
from staytrue.types import Picture

PHOTOS, BASE, PERSONALIZED = 2, 2, 4


def subject_grid(run: RunFolder, subjects: Sequence[str], pictures: Sequence[Picture]) -> Image.Image:
    """One row per prompt: some of the subject's photos, then what the base model and the personalized model drew.

    Args:
        run: the run.
        subjects: the name of one, or the names of those that are in the same pictures.
        pictures: of these.
    """
    streams = [cycle(subject_photos(run, subject)) for subject in subjects]
    photos = (next(stream) for stream in cycle(streams))
    labels: list[str] = []
    rows = []
    for prompt in dict.fromkeys(p.prompt_plain for p in pictures):
        cells = [("photo", image) for image in islice(photos, PHOTOS)]
        for model, most in (("base", BASE), ("personalized", PERSONALIZED)):
            drawn = [p for p in pictures if p.prompt_plain == prompt and p.model == model]
            cells += [(model, _read(run.images / p.file)) for p in drawn[:most]]
        labels = max(labels, [label for label, _ in cells], key=len)
        rows.append((prompt, [image for _, image in cells]))
    return comparison_grid(rows, labels)


def subject_photos(run: RunFolder, subject: str) -> list[Image.Image]:
    """The purified photos of a subject, in order."""
    folder = subject_folder(run, subject)
    return [_read(folder / row.file) for row in photo_rows(run, subject)]


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
