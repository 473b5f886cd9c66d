"""``2-captions/`` to ``3-regularization/``: plan the class images, draw what the store lacks, write the rows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.backbones.identity import backbone_identity
from staytrue.encoders.checkpoint import named_weights
from staytrue.images.load import read_photos
from staytrue.images.scan import PhotoFile
from staytrue.regularize.base import Brief, FilteredPriorSet, GuardedPriorSet, Planned, PriorSet, drawer_of
from staytrue.regularize.draw import Job, draw_missing, recipe
from staytrue.regularize.redraw import draw_filtered
from staytrue.regularize.sheet import write_sheet
from staytrue.regularize.store import ClassImageStore, latent_beside
from staytrue.runs import RunFolder, fingerprint, read_jsonl, run_stage, write_jsonl
from staytrue.types import Facts, Sample, Subject

if TYPE_CHECKING:
    from staytrue.backbones.base import Backbone

SAMPLE_ROWS, SHEET, CAPTION_ROWS = "samples.jsonl", "contact-sheet.jpg", "captions.jsonl"


def regularize_stage(
    run: RunFolder, prior_set: PriorSet, subjects: Iterable[Subject], generator: Backbone, seed: int, device: str
) -> bool:
    """Makes the class images of every subject.

    Args:
        run: its ``2-captions`` is read, its ``3-regularization`` and the shared store beside it are written.
        prior_set: plans the images.
        subjects: each gets its own rows; equal images of two subjects are drawn once.
        generator: the backbone being trained; it draws, unless the prior set names another.
        seed: of the run.
        device: to draw on.

    Returns:
        True if the work ran, False if the folder was complete already.
    """
    drawer, everyone = drawer_of(prior_set, generator), tuple(subjects)
    briefs = [Brief(s, _captions(run, s), drawer.facts(), seed, everyone) for s in everyone]
    plans = {brief.subject.name: prior_set.plan(brief) for brief in briefs}
    identity = backbone_identity(drawer) if any(p.file is None for plan in plans.values() for p in plan) else ""
    kept = drawer == generator
    inputs = {
        "regularize": _without_batch(prior_set),
        "plans": {name: fingerprint(plan) for name, plan in plans.items()},
        "files": fingerprint([_state(p.file) for plan in plans.values() for p in plan if p.file]),
        "generator": identity,
        "latents": kept,
    }
    inputs |= named_weights(prior_set, run.regularization)

    def work(folder: Path) -> dict[str, object]:
        store = ClassImageStore(run.class_image_store)
        places = _adopt(store, [p for plan in plans.values() for p in plan if p.file])
        counts: dict[str, int] = {}
        if identity:
            size_px, sampling = drawer.facts().resolution_px, prior_set.sampling  # type: ignore[attr-defined]
            job = Job(drawer, identity, size_px, sampling, store, kept, device)
            drawn, counts = _draw(job, [p for plan in plans.values() for p in plan if p.file is None], prior_set)
            places |= drawn
        samples = [_sample(run, name, p, places[p], kept) for name, plan in plans.items() for p in plan]
        _warn(samples, generator.facts())
        write_jsonl(folder / SAMPLE_ROWS, samples)
        write_sheet(folder / SHEET, run.root, samples)
        return {"images": {name: len(plan) for name, plan in plans.items()}, **counts, **_conditions(prior_set, drawer)}

    _reopen_if_lost(run)
    return run_stage(run.regularization, inputs, work)


def _draw(job: Job, planned: list[Planned], prior_set: PriorSet) -> tuple[dict[Planned, Path], dict[str, int]]:
    """Draws each different image once. Returns where each is, and how many were dropped by the filter."""
    planned = list(dict.fromkeys(planned))
    counts: dict[str, int] = {}
    kept = planned
    if isinstance(prior_set, FilteredPriorSet) and prior_set.filter:
        kept, counts = draw_filtered(job, planned, prior_set.filter)
    else:
        draw_missing(job, planned)
    return {p: job.store.picture(recipe(job, k)) for p, k in zip(planned, kept, strict=True)}, counts


def _without_batch(prior_set: PriorSet) -> dict[str, Any]:
    """The batch that class images are drawn in is no part of what they are (``draw.recipe``)."""
    values = asdict(prior_set)  # type: ignore[call-overload]
    values.get("sampling", {}).pop("batch", None)
    return values  # type: ignore[no-any-return]


def _warn(samples: list[Sample], facts: Facts) -> None:
    """Names words that the model to be trained does not know; those of a noun were looked at before the run began."""
    nouns = {word for sample in samples for word in sample.caption.noun.lower().split()}
    unknown = [word for word in facts.unknown(s.caption.render() for s in samples) if word not in nouns]
    if unknown:
        warnings.warn(
            f"{facts.title} does not know these words of class images' captions: {', '.join(unknown)}", stacklevel=2
        )


def _conditions(prior_set: PriorSet, drawer: Backbone) -> dict[str, Any]:
    return {"conditions": prior_set.conditions(drawer.facts())} if isinstance(prior_set, GuardedPriorSet) else {}


def _reopen_if_lost(run: RunFolder) -> None:
    """The store is shared, and may be cleaned: a set whose pictures are gone is not complete."""
    rows = run.regularization / SAMPLE_ROWS
    named = [p for s in (read_jsonl(rows, Sample) if rows.is_file() else []) for p in (s.image, s.latent) if p]
    if not all((run.root / p).is_file() for p in named):
        (run.regularization / "manifest.json").unlink(missing_ok=True)


def _captions(run: RunFolder, subject: Subject) -> tuple[Any, ...]:
    rows = read_jsonl(run.captions / CAPTION_ROWS, Sample)
    return tuple(row.caption for row in rows if row.subject == subject.name)


def _state(file: Path) -> tuple[str, int, int]:
    """What tells a changed file, without reading a folder of thousands."""
    return str(file), file.stat().st_size, file.stat().st_mtime_ns


def _adopt(store: ClassImageStore, planned: list[Planned]) -> dict[Planned, Path]:
    """Brings the user's own class images into the store, upright and as PNG."""
    files = [PhotoFile(path) for path in dict.fromkeys(p.file for p in planned if p.file)]
    places = {}
    for photo in read_photos(files):
        facts = {"file": fingerprint(photo.path)}
        if not store.picture(facts).is_file():
            store.put(facts, photo.image)
        places[photo.path] = store.picture(facts)
    return {p: places[p.file] for p in planned if p.file}


def _sample(run: RunFolder, subject: str, planned: Planned, picture: Path, with_latent: bool) -> Sample:
    """A row; its latent is named only where the model being trained drew it: another model's would mean nothing to it."""
    image = Path(os.path.relpath(picture, run.root.resolve()))
    latent = latent_beside(image) if with_latent and planned.file is None else None
    caption = replace(planned.trained_as or planned.caption, identifier="")
    return Sample(image=image, caption=caption, subject=subject, role="class", latent=latent)
