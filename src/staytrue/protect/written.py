"""Where protected photos may be written: apart from the originals, and where nothing lies that was not written here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from staytrue.errors import ConfigError
from staytrue.runs import read_json

PHOTOS, CAPTIONS, FACTS, PAGE = "photos", "captions", "protect.json", "report.html"
RUN = "config.json"
# what would be replaced without a word
BESIDE = (FACTS, PAGE, "manifest.json")


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
    """Raises ``ConfigError`` where the folder is a run's, or holds files in the way that an earlier protection did not write."""
    listed = _listed(folder)
    others = [RUN] if (folder / RUN).is_file() else []
    others += [name for name in BESIDE if (folder / name).is_file()] if listed is None else []
    others += sorted(name for name in _visible(folder) if name not in (listed or ()))
    if others:
        raise ConfigError(
            f"{folder} holds files that `staytrue protect` did not write ({', '.join(others[:3])}); nothing was written or"
            " deleted: move them elsewhere, or name another folder with --out"
        )


def clear(folder: Path) -> None:
    """Deletes the photos and captions that an earlier run wrote, and nothing else."""
    for name in _visible(folder) & (_listed(folder) or frozenset()):
        (folder / name).unlink()


def _listed(folder: Path) -> frozenset[str] | None:
    """Names in the folder that an earlier run, complete or killed, wrote; None where none was. Older ones are of ``photos``."""
    try:
        told: Any = read_json(folder / FACTS)
        names = told["written"] if "written" in told else told["files"]
        return frozenset(name if "/" in name else f"{PHOTOS}/{name}" for name in names)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _visible(folder: Path) -> frozenset[str]:
    inside = [path for name in (PHOTOS, CAPTIONS) if (folder / name).is_dir() for path in (folder / name).iterdir()]
    return frozenset(f"{path.parent.name}/{path.name}" for path in inside if not path.name.startswith("."))
