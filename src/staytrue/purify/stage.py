"""Photos to ``1-purified/``: load every subject's folder, inspect and clean each photo, write PNGs that later stages can trust."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from staytrue.errors import ConfigError, ImageError, StaytrueError
from staytrue.images.decode import ALPHA_COLOR
from staytrue.images.load import Photo, load_folder
from staytrue.images.scan import survey
from staytrue.purify.base import AnyPurifier, ModelPurifier, identity
from staytrue.purify.inspection.config import Inspect
from staytrue.purify.inspection.inspect import (
    Inspected,
    inspect_photos,
    inspected,
    inspection_key,
    not_measured,
    open_clip,
    report_found,
)
from staytrue.purify.none import NoPurifier
from staytrue.purify.rights import require_rights
from staytrue.purify.tools import Tools
from staytrue.purify.written import write_cleaning, write_subject
from staytrue.runs import RunFolder, fingerprint, manifest_inputs, run_stage
from staytrue.types import Subject


def purify_stage(
    run: RunFolder,
    purifier: AnyPurifier,
    subjects: Iterable[Subject],
    tools: Tools | None = None,
    inspect: Inspect | None = None,
    rights: bool = False,
) -> bool:
    """Inspects and cleans the photos of every subject.

    Args:
        run: its ``1-purified`` is written.
        purifier: cleans each photo.
        subjects: whose photos.
        tools: backbone, device and seed, for purifiers with weights and for a deep inspection.
        inspect: what is looked at first; None for nothing.
        rights: whether the user has said that photos which look protected, or noisy, may be cleaned.

    Returns:
        True if the work ran, False if the folder was complete already.

    Raises:
        ImageError: photos that cannot be used, of all subjects, in one message; or flagged ones, where the inspection stops.
        ConfigError: photos that look protected, or noisy, would be cleaned, and nobody has said that they may be.
    """
    subjects, tools = list(subjects), tools or Tools()
    check_names(subjects)
    sources = {s.name: _source(s) for s in subjects}
    photos = cache(lambda: _load(subjects))
    by_subject = {s.name: tools.of(s.class_noun) for s in subjects}
    cleans = not isinstance(purifier, NoPurifier)
    if inspect and inspect.action != "off":
        found = look(run, subjects, tools, inspect)
        report_found(found, not_measured(run), inspect.action, cleans)
        if cleans:
            require_rights(run, [row for row in found if row.may_be_guarded], rights)

    def work(folder: Path) -> dict[str, object]:
        _clear_others(folder, set(sources))
        if inspect and (cleans or run.cleaning.is_file()):  # a kept inspection has not loaded it
            open_clip(inspect, tools)
        rows = [
            row for name, of in photos().items() for row in write_subject(run, purifier, of, by_subject[name], name)
        ]
        facts = write_cleaning(run, rows)
        return {"photos": {name: len(of) for name, of in photos().items()}, "alpha_color": ALPHA_COLOR} | facts

    inputs: dict[str, Any] = {"purify": purifier, "photos": sources}
    if isinstance(purifier, ModelPurifier):
        inputs["tools"] = [str(getattr(tools.spec, "path", None)), tools.seed, [s.class_noun for s in subjects]]
        inputs |= _weights(run, purifier, by_subject.values())
    return run_stage(run.purified, inputs, work)


def _weights(run: RunFolder, purifier: AnyPurifier, tools: Iterable[Tools]) -> dict[str, Any]:
    """What cleans, by content. Weights that are no longer there can clean nothing anew, so what they cleaned stays."""
    try:
        found = sorted({one for each in tools for one in identity(purifier, each)})
    except StaytrueError:
        found = manifest_inputs(run.purified).get("weights", [])
    return {"weights": found} if found else {}


def look(run: RunFolder, subjects: Sequence[Subject], tools: Tools, inspect: Inspect) -> list[Inspected]:
    """What the inspection finds in the photos, a row for each; read where photos and settings are what they were."""
    if inspect.action == "off":
        return []
    check_names(subjects)
    key = inspection_key(inspect, {s.name: _source(s) for s in subjects}, subjects, tools)
    by_subject = {s.name: tools.of(s.class_noun) for s in subjects}
    return inspected(run, key) or inspect_photos(run, inspect, _load(list(subjects)), by_subject, key)


def _source(subject: Subject) -> list[object]:
    """What the photos are; problems too, so that a folder that turned bad is looked at again."""
    files, problems = survey(subject.photos)
    return [*((str(f.path), fingerprint(f.path), f.text, f.repeats) for f in files), *problems]


def _load(subjects: list[Subject]) -> dict[str, list[Photo]]:
    loaded, problems = {}, []
    for subject in subjects:
        try:
            loaded[subject.name] = load_folder(subject.photos, ALPHA_COLOR)
        except ImageError as error:
            problems.append(str(error))
    if problems:
        raise ImageError("\n".join(problems))
    return loaded


def check_names(subjects: Sequence[Subject]) -> None:
    """Raises ``ConfigError`` unless each subject has a name of its own that a folder can have."""
    names = [s.name for s in subjects]
    folded = [name.casefold() for name in names]  # on many disks "Dog" and "dog" are one folder
    if twice := sorted({name for name in names if folded.count(name.casefold()) > 1}):
        raise ConfigError(
            f"subjects: two share the name {twice[0]!r}; give each its own name, which tells them apart in folders"
        )
    for place, name in enumerate(names):
        if not re.fullmatch(r"[\w][\w .-]*", name):
            better = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "my-subject"
            raise ConfigError(
                f"the subject name {name!r} cannot name a folder; use letters, digits, - and _, such as"
                f" subjects.{place}.name={better}"
            )


def _clear_others(folder: Path, names: set[str]) -> None:
    for old in [p for p in folder.iterdir() if p.is_dir() and p.name not in names]:
        shutil.rmtree(old)
