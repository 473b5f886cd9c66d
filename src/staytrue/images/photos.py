"""The rows of ``1-purified/<subject>/photos.jsonl``: what purify leaves and caption reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from staytrue.runs import RunFolder, read_jsonl

PHOTO_ROWS = "photos.jsonl"


@dataclass(frozen=True)
class PhotoRow:
    """One purified photo.

    Attributes:
        file: its name within the subject's folder, such as "01-garden.png".
        text: caption that came with the photo, or None.
        source: the file the user gave.
        sha256: of that file.
        repeats: how often it counts (kohya's "10_").
    """

    file: str
    text: str | None
    source: str
    sha256: str
    repeats: int = 1


def photo_rows(run: RunFolder, subject: str) -> list[PhotoRow]:
    """The purified photos of a subject, in order."""
    return read_jsonl(subject_folder(run, subject) / PHOTO_ROWS, PhotoRow)


def subject_folder(run: RunFolder, subject: str) -> Path:
    """Where a subject's purified photos are."""
    return run.purified / subject
