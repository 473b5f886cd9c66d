"""``1-purified/`` to ``2-captions/``: one caption per photo, as rows to train on."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import reduce
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from staytrue.caption.base import Captioner, Uncaptioned
from staytrue.encoders.checkpoint import named_weights
from staytrue.images.metadata import read_png
from staytrue.images.photos import PhotoRow, photo_rows, subject_folder
from staytrue.runs import RunFolder, manifest_key, run_stage, write_jsonl
from staytrue.types import Caption, Facts, Sample, Subject

if TYPE_CHECKING:
    from staytrue.backbones.base import Backbone

CAPTION_ROWS = "captions.jsonl"


def caption_stage(run: RunFolder, captioner: Captioner, subjects: Iterable[Subject], backbone: Backbone) -> bool:
    """Captions every purified photo of every subject.

    Returns:
        True if the work ran, False if the folder was complete already.
    """
    subjects, facts = list(subjects), backbone.facts()
    inputs = {
        "caption": captioner,
        "subjects": [(s.name, s.class_noun, s.identifier) for s in subjects],
        "words": facts.words,
        "miniature": facts.is_miniature,
        "purified": manifest_key(run.purified),
    }
    inputs |= named_weights(captioner, run.captions)

    def work(folder: Path) -> dict[str, object]:
        samples = [sample for subject in subjects for sample in _samples(run, captioner, subject, facts)]
        _warn(samples, subjects, facts)
        write_jsonl(folder / CAPTION_ROWS, samples)
        return {"photos": len(samples)}

    return run_stage(run.captions, inputs, work)


def _samples(run: RunFolder, captioner: Captioner, subject: Subject, facts: Facts) -> list[Sample]:
    """Rows of one subject; a photo that counts more often than the others (kohya's "10_") has more rows."""
    rows, folder = photo_rows(run, subject.name), subject_folder(run, subject.name)
    photos = [Uncaptioned(Path(row.source).name, read_png(folder / row.file), row.text) for row in rows]
    captions = captioner.captions(photos, subject, facts)
    _show(subject, rows, captions)
    unit = reduce(gcd, (row.repeats for row in rows), 0) or 1
    return [
        Sample(image=(folder / row.file).relative_to(run.root), caption=caption, subject=subject.name)
        for row, caption in zip(rows, captions, strict=True)
        for _ in range(row.repeats // unit)
    ]


def _warn(samples: list[Sample], subjects: list[Subject], facts: Facts) -> None:
    """Names words that the backbone does not know; those of the subjects' phrases were looked at before the run began."""
    phrases = {word for subject in subjects for word in subject.phrase.lower().split()}
    unknown = [word for word in facts.unknown(s.caption.render() for s in samples) if word not in phrases]
    if unknown:
        warnings.warn(f"{facts.title} does not know these words of the captions: {', '.join(unknown)}", stacklevel=2)


def _show(subject: Subject, rows: list[PhotoRow], captions: list[Caption]) -> None:
    console = Console(stderr=True)
    for row, caption in zip(rows, captions, strict=True):
        console.print(f"  {subject.name}/{row.file}  {caption.render()}", highlight=False, markup=False, soft_wrap=True)
