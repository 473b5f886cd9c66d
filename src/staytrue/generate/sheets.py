"""The comparison grid of a subject: prompts by [photos | base model | personalized model]."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

from PIL import Image

from staytrue.images.grid import comparison_grid
from staytrue.images.metadata import read_png
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
    prompts = list(dict.fromkeys(p.asked for p in pictures))
    for prompt in prompts:
        cells = [("photo", image) for image in islice(photos, PHOTOS)]
        for model, most in (("base", BASE), ("personalized", PERSONALIZED)):
            drawn = [p for p in pictures if p.asked == prompt and p.model == model]
            cells += [(model, read_png(run.images / p.file)) for p in drawn[:most]]
        labels = max(labels, [label for label, _ in cells], key=len)
        rows.append((_label(prompt, prompts, pictures), [image for _, image in cells]))
    return comparison_grid(rows, labels)


def _label(prompt: tuple[str, str], prompts: Sequence[tuple[str, str]], pictures: Sequence[Picture]) -> str:
    """The words without the identifier, unless two prompts differ in it alone."""
    if [plain for _, plain in prompts].count(prompt[1]) == 1:
        return prompt[1]
    return next((p.prompt for p in pictures if p.asked == prompt and p.model == "personalized"), prompt[1])


def subject_photos(run: RunFolder, subject: str) -> list[Image.Image]:
    """The purified photos of a subject, in order."""
    folder = subject_folder(run, subject)
    return [read_png(folder / row.file) for row in photo_rows(run, subject)]
