"""The stage ``evaluate``: from pictures and photos to ``6-scores``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from rich.progress import Progress

from staytrue.encoders.checkpoint import named_weights
from staytrue.errors import BackboneError, ImageError
from staytrue.evaluate.base import Judged, Metric
from staytrue.evaluate.config import Evaluate
from staytrue.evaluate.summary import summarize, summarize_casts
from staytrue.generate.prompts import with_vague_nouns
from staytrue.generate.sheets import subject_photos
from staytrue.images.load import load_folder
from staytrue.images.metadata import read_png
from staytrue.images.scan import scan_folder
from staytrue.runs import (
    RunFolder,
    fingerprint,
    manifest_key,
    read_json,
    read_jsonl,
    run_stage,
    write_json,
    write_jsonl,
)
from staytrue.types import Facts, Picture, Score, Subject

SCORES, SUMMARY = "scores.jsonl", "summary.json"
Photos = dict[str, dict[str, tuple[Image.Image, ...]]]


@dataclass(frozen=True)
class Refusal:
    """A judge that was not made for these pictures, or that could not be loaded.

    Attributes:
        metric: the metric that has no scores for it.
        subject: whose pictures.
        against: "trained", "heldout", "prompt" or "vague".
        reason: in words.
    """

    metric: str
    subject: str
    against: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """What is scored.

    Attributes:
        subjects: of the run.
        pictures: their rows.
        images: by file.
        photos: by name of the subject, "trained" and "heldout" apart.
    """

    subjects: Sequence[Subject]
    pictures: Sequence[Picture]
    images: dict[str, Image.Image]
    photos: Photos


def evaluate_stage(
    run: RunFolder, evaluate: Evaluate, subjects: Sequence[Subject], facts: Facts, device: str = "cpu"
) -> bool:
    """Scores every picture, the base model's too, against trained photos, held-out photos and prompt, each apart.

    Where a subject has a broad class noun ("toy" beside "teddy bear"), the prompt with that noun comes as a further one.

    A judge that refuses the pictures, or that cannot be loaded, leaves no scores; the refusal is told, and kept in
    ``summary.json`` and the report. One that could not be loaded is asked for again the next time.

    Args:
        run: the run; its pictures must be drawn.
        evaluate: the section of the config.
        subjects: of the run.
        facts: of the backbone, which decide what "auto" judges are.
        device: to judge on.

    Returns:
        True if it ran, False if everything was there already.
    """
    inputs = {
        "evaluate": evaluate,
        "subjects": list(subjects),
        "images": manifest_key(run.images),
        "is_miniature": facts.is_miniature,
        "conditions": _conditions(run),
    }
    inputs |= {"heldout": {s.name: [fingerprint(p) for p in _files(s.heldout)] for s in subjects}}
    inputs |= named_weights(evaluate, run.scores)

    def work(folder: Path) -> dict[str, Any]:
        pictures = read_jsonl(run.images / "images.jsonl", Picture)
        images = {p.file: read_png(run.images / p.file) for p in pictures}
        shown = Shown(subjects, pictures, images, {s.name: _photos(run, s) for s in subjects})
        scores, refusals, judges = _score(evaluate, facts, shown, device)
        for refusal in refusals:
            warnings.warn(f"{refusal.metric} against {refusal.against} was not scored: {refusal.reason}", stacklevel=2)
        write_jsonl(folder / SCORES, scores)
        tables = {"scores": summarize(scores, pictures), "casts": summarize_casts(scores, pictures)}
        said = {"judges": judges, "refused": refusals, "conditions": inputs["conditions"]}
        write_json(folder / SUMMARY, tables | said)
        return {"judges": judges, "refused": len(refusals), "missing": sorted(set(evaluate.metrics) - set(judges))}

    _reopen_if_judges_lacked(run)
    return run_stage(run.scores, inputs, work)


def _score(
    evaluate: Evaluate, facts: Facts, shown: Shown, device: str
) -> tuple[list[Score], list[Refusal], dict[str, dict[str, str]]]:
    """Every metric on every subject and reference; each judge is loaded once."""
    scores: list[Score] = []
    refusals: list[Refusal] = []
    loaded: dict[Any, Any] = {}
    judges = {}
    with Progress(transient=True) as progress:
        for name, metric in progress.track(list(evaluate.metrics.items()), description="scoring"):
            spec = metric.encoder(facts)
            encoder = loaded[spec] = loaded[spec] if spec in loaded else _loaded(spec, device)
            if isinstance(encoder, BackboneError):
                reason = f"{encoder}; then `staytrue evaluate` of this run scores its pictures"
                refusals += [
                    Refusal(name, subject, against, reason) for subject, against, _ in _comparisons(metric, shown)
                ]
                continue
            judges[name] = {"judge": encoder.judge, "sha256": encoder.sha256}
            for subject, against, judged in _comparisons(metric, shown):
                if not judged:
                    continue
                try:
                    values = checked(metric, encoder, list(judged.values()), facts)
                except ImageError as error:
                    refusals.append(Refusal(name, subject, against, str(error)))
                    continue
                whose = subject if metric.reads == "photos" else ""
                scores += [
                    Score(name, v, p.file, against, encoder.judge, whose) for v, p in zip(values, judged, strict=True)
                ]
    return scores, refusals, judges


def _loaded(spec: Any, device: str) -> Any:
    """The judge, or why there is none: hours of training are not to end without a report for that."""
    try:
        return spec.load(device)
    except BackboneError as error:
        return error


def _reopen_if_judges_lacked(run: RunFolder) -> None:
    """Scores that lack for want of a judge are not complete: it may be there by now."""
    manifest = run.scores / "manifest.json"
    if manifest.is_file() and read_json(manifest).get("missing"):
        manifest.unlink()


def checked(metric: Metric, encoder: Any, judged: Sequence[Judged], facts: Facts) -> list[float]:
    """The metric's scores, unless its judge was not made for the pictures. Raises ``ImageError`` then."""
    if metric.refuses(facts):
        from staytrue.encoders.world import require_drawn, require_size

        require_size([j.image for j in judged])
        for photos in {tuple(map(id, j.photos)): j.photos for j in judged if j.photos}.values():
            require_drawn(list(photos))
    return metric(encoder, judged)


def _comparisons(metric: Metric, shown: Shown) -> Iterator[tuple[str, str, dict[Picture, Judged]]]:
    """Name of a subject, what its pictures are compared with, and these; a picture of two has one prompt, that of the first."""
    subjects = {one.name: one for one in shown.subjects}
    broad = {one.name for one in shown.subjects if one.class_noun_vague not in (None, one.class_noun)}
    for name in subjects:
        if metric.reads == "photos":
            both = [p for p in shown.pictures if name in p.subjects]
            for against, photos in shown.photos[name].items():
                yield name, against, {p: Judged(shown.images[p.file], p.prompt_plain, photos) for p in both}
            continue
        mine = [p for p in shown.pictures if p.subject == name]
        yield name, "prompt", {p: Judged(shown.images[p.file], p.prompt_plain) for p in mine}
        if asked := [p for p in mine if broad & set(p.subjects)]:
            vague = {p: with_vague_nouns(p.prompt_plain, [subjects[who] for who in p.subjects]) for p in asked}
            yield name, "vague", {p: Judged(shown.images[p.file], text) for p, text in vague.items()}


def _photos(run: RunFolder, subject: Subject) -> dict[str, tuple[Image.Image, ...]]:
    """Trained and held-out photos, untouched.

    How they are cropped is the judge's business, and named with its scores.
    """
    found = {"trained": subject_photos(run, subject.name)}
    if subject.heldout is not None:
        found["heldout"] = [photo.image for photo in load_folder(subject.heldout)]
    return {against: tuple(photos) for against, photos in found.items()}


def _conditions(run: RunFolder) -> dict[str, Any]:
    """What the class images were allowed to speak of, as their stage's manifest says: no score means much without it."""
    manifest = run.regularization / "manifest.json"
    return read_json(manifest).get("conditions", {}) if manifest.is_file() else {}


def _files(folder: Path | None) -> list[Path]:
    """The photos in it, those in kohya's subfolders too."""
    return sorted(file.path for file in scan_folder(folder)) if folder else []
