"""Photos to ``1-purified/``: load every subject's folder, clean each photo, write PNGs that later stages can trust."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track

from staytrue.errors import ConfigError, ImageError
from staytrue.images.decode import ALPHA_COLOR
from staytrue.images.load import Photo, load_folder
from staytrue.images.metadata import png_bytes
from staytrue.images.photos import PHOTO_ROWS, PhotoRow, subject_folder
from staytrue.images.scan import survey
from staytrue.purify.base import Purifier
from staytrue.runs import RunFolder, fingerprint, run_stage, write_bytes, write_jsonl
from staytrue.types import Subject


def purify_stage(run: RunFolder, purifier: Purifier, subjects: Iterable[Subject]) -> bool:
    """Cleans the photos of every subject.

    Returns:
        True if the work ran, False if the folder was complete already.

    Raises:
        ImageError: photos that cannot be used, of all subjects, in one message.
    """
    subjects = list(subjects)
    _check_names(subjects)
    sources = {s.name: _source(s) for s in subjects}

    def work(folder: Path) -> dict[str, object]:
        _clear_others(folder, set(sources))
        loaded = _load(subjects)
        for name, photos in loaded.items():
            _write_subject(run, purifier, name, photos)
        return {"photos": {name: len(photos) for name, photos in loaded.items()}, "alpha_color": ALPHA_COLOR}

    return run_stage(run.purified, {"purify": purifier, "photos": sources}, work)


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


def _write_subject(run: RunFolder, purifier: Purifier, name: str, photos: list[Photo]) -> None:
    folder = subject_folder(run, name)
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier run made from other photos
    rows, shown = [], track(photos, f"purify {name}", console=Console(stderr=True), transient=True)
    for number, photo in enumerate(shown, start=1):
        row = PhotoRow(
            _file_name(number, photo.path), photo.text, str(photo.path), fingerprint(photo.path), photo.repeats
        )
        write_bytes(folder / row.file, png_bytes(_checked(purifier, photo.image)))
        rows.append(row)
    write_jsonl(folder / PHOTO_ROWS, rows)


def _checked(purifier: Purifier, image: Image.Image) -> Image.Image:
    cleaned = purifier.purify(image)
    if cleaned.mode != "RGB" or cleaned.size != image.size:
        raise TypeError(f"purifier {purifier.name!r} returned {cleaned.mode} {cleaned.size}, not RGB {image.size}")
    return cleaned


def _file_name(number: int, photo: Path) -> str:
    """A name such as "01-my-garden.png": in order, and still recognizable."""
    stem = re.sub(r"[^a-z0-9]+", "-", photo.stem.lower()).strip("-")[:40]
    return f"{number:02d}-{stem}.png" if stem else f"{number:02d}.png"


def _check_names(subjects: list[Subject]) -> None:
    names = [s.name for s in subjects]
    if len(set(names)) != len(names):
        raise ConfigError(f"two subjects share a name: {', '.join(names)}; give each its own")
    for name in names:
        if not re.fullmatch(r"[\w][\w .-]*", name):
            raise ConfigError(f"the subject name {name!r} cannot name a folder; use letters, digits, - and _")


def _clear_others(folder: Path, names: set[str]) -> None:
    for old in [p for p in folder.iterdir() if p.is_dir() and p.name not in names]:
        shutil.rmtree(old)
