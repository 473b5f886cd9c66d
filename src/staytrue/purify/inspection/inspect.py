"""The inspection of a run: measures, verdicts, and the pictures that show them, in ``1-purified/``."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from rich.console import Console

from staytrue.errors import ImageError
from staytrue.images.grid import contact_sheet
from staytrue.images.load import Photo
from staytrue.purify.inspection.config import Inspect
from staytrue.purify.inspection.measures import MAY_BE_GUARDED, MEASURES, measure
from staytrue.purify.inspection.pixels import residual
from staytrue.purify.inspection.verdict import Verdict, judge, read_limits
from staytrue.purify.spandrel_file import at_hand
from staytrue.runs import RunFolder, fingerprint, read_json, write_bytes, write_json, write_text
from staytrue.types import Subject

if TYPE_CHECKING:
    from staytrue.purify.tools import Tools

CONTROL = 11  # levels of 255: the protections' usual radius
AMPLIFIED = 8
SHEET_COLUMNS, CELL_PX = 6, 150


@dataclass(frozen=True)
class Inspected:
    """One photo as the inspection left it, a row of ``inspection.json``.

    Attributes:
        subject: whose.
        file: the user's.
        sha256: of that file.
        word: "fine", "poor" or "suspect".
        reasons: in words.
        suspicion: 1 and more is suspect.
        measures: value by name.
        flagged: the measures beyond their limits.
    """

    subject: str
    file: str
    sha256: str
    word: str
    reasons: tuple[str, ...]
    suspicion: float
    measures: dict[str, float]
    flagged: tuple[str, ...]

    @property
    def may_be_guarded(self) -> bool:
        """Whether cleaning it may undo what somebody did on purpose: it is suspect, or noisy, as many a protection looks."""
        return not set(self.flagged).isdisjoint(MAY_BE_GUARDED)


def inspection_key(inspect: Inspect, sources: Any, subjects: Sequence[Subject], tools: Tools) -> str:
    """Changes with the photos and with what is looked at, and through which weights, not with what is done about it."""
    facts = tools.facts
    small = bool(facts and facts.is_miniature)
    limits = fingerprint(read_limits(inspect.limits, small))
    depth = inspect.deep(small)
    about = [sources, {s.name: s.class_noun for s in subjects}, depth, inspect.clip, limits]
    about += [facts.resolution_px if facts else None, MEASURES]
    if depth != "pixels":
        about += [_clip(inspect, tools)]
    if depth == "model":
        about += [tools.identity(), at_hand()]  # once a restorer can be read, photos are looked at again
    return fingerprint(about)


def _clip(inspect: Inspect, tools: Tools) -> str:
    """Tells the CLIP that is looked through from others; empty where there is none."""
    from staytrue.encoders.checkpoint import weights_identity
    from staytrue.purify.inspection.zero_shot import belonging

    named, _ = belonging(inspect.clip, tools)
    return weights_identity(named) if named else ""


def inspected(run: RunFolder, key: str) -> list[Inspected] | None:
    """What an earlier inspection under the same key found; None where there was none."""
    file = run.inspection
    content = read_json(file) if file.is_file() else {}
    if content.get("key") != key:
        return None
    lists = ("reasons", "flagged")
    return [Inspected(**row | {name: tuple(row[name]) for name in lists}) for row in content["photos"]]


def inspect_photos(
    run: RunFolder, inspect: Inspect, loaded: dict[str, list[Photo]], tools: dict[str, Tools], key: str
) -> list[Inspected]:
    """Looks at every photo and writes ``inspection.json``, the contact sheet, and a picture of embeddings per subject.

    Args:
        run: the run.
        inspect: the settings.
        loaded: photos by subject.
        tools: by subject.
        key: of ``inspection_key``.
    """
    _forget_embeddings(run, loaded)
    rows, skipped, labeled = [], [], []
    small = any(one.facts.is_miniature for one in tools.values() if one.facts)
    limits = read_limits(inspect.limits, small)
    for name, photos in loaded.items():
        measured = measure(photos, tools[name], inspect.deep(small), inspect.clip)
        skipped += measured.skipped
        for photo, row, twin in zip(photos, measured.rows, measured.twins, strict=True):
            other = photos[twin].path.name if twin is not None else None
            verdict = judge(row, limits, tools[name].class_noun, other)
            rows.append(_row(name, photo, row, verdict))
            labeled += [
                (photo.image, f"{verdict.word}: {photo.path.name}"),  # a long name is cut
                (_shown_residual(photo.image), "fine detail x8"),
            ]
        draw_groups(run, name, {"photo": [p.image for p in photos]}, [p.path.name for p in photos], tools[name])
    _write_sheet(run.inspection.with_suffix(".jpg"), labeled)
    told = {"key": key, "skipped": list(dict.fromkeys(skipped)), "limits": limits, "photos": rows}
    write_json(run.inspection, told)
    return rows


def _forget_embeddings(run: RunFolder, loaded: dict[str, list[Photo]]) -> None:
    """Removes pictures of other photos. Those of the same stay, though the depth may draw none now: cleaning wrote them."""
    known = read_json(run.inspection)["photos"] if run.inspection.is_file() else []
    for old in run.purified.glob("embeddings-*.svg"):
        name = old.stem.removeprefix("embeddings-")
        shown = [row["sha256"] for row in known if row["subject"] == name]
        if shown != [fingerprint(photo.path) for photo in loaded.get(name, [])] or not shown:
            old.unlink()


def not_measured(run: RunFolder) -> list[str]:
    """What the inspection of a run could not measure, and why."""
    return read_json(run.inspection)["skipped"]


def open_clip(inspect: Inspect, tools: Tools) -> None:
    """Loads the CLIP that the depth asks for, if there is one: cleaned photos are looked at, too."""
    facts = tools.facts
    if inspect.action != "off" and inspect.deep(bool(facts and facts.is_miniature)) != "pixels":
        from staytrue.purify.inspection.zero_shot import own_clip

        own_clip(inspect.clip, tools)


def report_found(rows: Sequence[Inspected], skipped: Sequence[str], action: str, cleans: bool) -> None:
    """Says what was found, and what could not be looked for, and warns or stops as the settings ask.

    Args:
        rows: of the inspection.
        skipped: what was not measured.
        action: of the settings.
        cleans: whether a purifier will clean the photos.

    Raises:
        ImageError: the action is "stop", a photo is flagged, and nothing cleans it.
    """
    console = Console(stderr=True, highlight=False)
    flagged = [row for row in rows if row.word != "fine"]
    console.print(f"  inspected {len(rows)} photos: {len(flagged) or 'none'} flagged", markup=False)
    several = len({row.subject for row in rows}) > 1
    names = [f"{f'{row.subject}: ' if several else ''}{Path(row.file).name}" for row in flagged]
    lines = [f"{name} is {row.word}: {'; '.join(row.reasons)}" for name, row in zip(names, flagged, strict=True)]
    for line in [*lines, *(f"not measured: {one}" for one in skipped)]:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if not flagged or cleans:
        return
    advice = (
        "Replace them, or clean them with a purifier, such as purify.name=diffpure (`staytrue list purifiers`); see "
        "1-purified/inspection.jpg. inspect.action=proceed trains on them as they are."
    )
    if action == "stop":
        raise ImageError("\n".join(["the inspection flagged photos, and inspect.action=stop:", *lines, advice]))
    if action == "warn":
        warnings.warn(f"{len(flagged)} of {len(rows)} photos are flagged by the inspection. {advice}", stacklevel=2)


def _row(subject: str, photo: Photo, measures: dict[str, float], verdict: Verdict) -> Inspected:
    rounded = {name: _short(value) for name, value in sorted(measures.items())}
    told = vars(verdict) | {"suspicion": _short(verdict.suspicion)}
    return Inspected(subject, str(photo.path), fingerprint(photo.path), measures=rounded, **told)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def with_noise(image: Image.Image, radius: int = CONTROL) -> Image.Image:
    """The photo with uniform random noise of at most ``radius`` levels: the control of every protection."""
    chance = np.random.default_rng(0)
    noisy = np.asarray(image).astype(int) + chance.integers(-radius, radius + 1, (*image.size[::-1], 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _shown_residual(image: Image.Image) -> Image.Image:
    return Image.fromarray((128 + AMPLIFIED * residual(image)).clip(0, 255).astype(np.uint8))


def _write_sheet(path: Path, labeled: list[tuple[Image.Image, str]]) -> None:
    buffer = io.BytesIO()
    sheet = contact_sheet([i for i, _ in labeled], [label for _, label in labeled], SHEET_COLUMNS, CELL_PX)
    sheet.save(buffer, "JPEG", quality=90)
    write_bytes(path, buffer.getvalue())


def draw_groups(
    run: RunFolder, subject: str, images: dict[str, list[Image.Image]], names: list[str], tools: Tools
) -> None:
    """Writes the picture of embeddings of a subject, if CLIP is loaded: the groups given, and the photos with random noise."""
    from staytrue.purify.inspection.picture import embedding_svg

    clip, first = tools.memory.get("clip"), next(iter(images.values()))
    if clip is None or len(first) < 2:
        return
    groups = images | {"with random noise": [with_noise(image) for image in first]}
    svg = embedding_svg({kind: clip.images(pictures).numpy() for kind, pictures in groups.items()}, names)
    write_text(embeddings(run, subject), svg)


def embeddings(run: RunFolder, subject: str) -> Path:
    """Where the picture of a subject's embeddings is, if there is one."""
    return run.purified / f"embeddings-{subject}.svg"
