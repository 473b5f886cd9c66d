"""Where protected photos may be written: apart from the originals, and where nothing lies that was not written here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from staytrue.errors import ConfigError
from staytrue.runs import read_json

PHOTOS, FACTS = "photos", "protect.json"


def require_apart(folder: Path, originals: Iterable[Path]) -> None:
    """Raises ``ConfigError`` where ``<folder>/photos`` is, holds, or lies inside a folder of photos that are read."""
    here = (folder / PHOTOS).resolve()
    for original in originals:
        there = original.resolve()
        if here.is_relative_to(there) or there.is_relative_to(here):
            raise ConfigError(
                f"protected photos would be written to {folder / PHOTOS}, which is, holds, or lies inside the folder of the"
                f" originals {original}; name another folder with --out, outside of {original}"
            )


def require_own(folder: Path) -> None:
    """Raises ``ConfigError`` where ``<folder>/photos`` holds files that an earlier run did not write."""
    if others := sorted(path.name for path in _visible(folder) if path.name not in _listed(folder)):
        raise ConfigError(
            f"{folder / PHOTOS} holds files that `staytrue protect` did not write ({', '.join(others[:3])}); nothing was"
            " deleted: move them elsewhere, or name another folder with --out"
        )


def clear(folder: Path) -> None:
    """Deletes the photos and captions that an earlier run wrote, and nothing else."""
    for path in _visible(folder):
        if path.name in _listed(folder):
            path.unlink()


def _listed(folder: Path) -> frozenset[str]:
    """Names that an earlier run, complete or killed, wrote into ``photos``; older versions listed no captions."""
    told = read_json(folder / FACTS) if (folder / FACTS).is_file() else {}
    return frozenset(told.get("written", told.get("files", ())))


def _visible(folder: Path) -> list[Path]:
    photos = folder / PHOTOS
    return [path for path in photos.iterdir() if not path.name.startswith(".")] if photos.is_dir() else []
