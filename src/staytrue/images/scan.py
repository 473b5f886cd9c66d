"""Which files of a folder are photos, in which order, with which caption."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from staytrue.errors import ImageError
from staytrue.images.sidecars import Texts, metadata_texts, placed, stem_text

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
OTHER_PICTURES = frozenset(
    {
        ".heic",
        ".heif",
        ".avif",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".jxl",
        ".psd",
        ".dng",
        ".cr2",
        ".nef",
        ".arw",
        ".jfif",
    }
)
JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
KOHYA = re.compile(r"([1-9]\d?|100)_(.+)")  # "10_sks dog"; "2024_originals" is a subfolder like any other


@dataclass(frozen=True)
class PhotoFile:
    """A photo not yet opened: its file, its caption if it came with one, and how often it counts."""

    path: Path
    text: str | None = None
    repeats: int = 1


def scan_folder(folder: Path) -> list[PhotoFile]:
    """The photos of a folder in natural order ("2.jpg" before "10.jpg"), with captions from any of the usual places.

    Raises:
        ImageError: no such folder, no photo in it, a picture format that is not read, or captions that contradict
            each other; every problem in one message.
    """
    files, problems = survey(folder)
    raise_problems(problems, f"the photo folder {folder} needs attention")
    return files


def survey(folder: Path) -> tuple[list[PhotoFile], list[str]]:
    """As ``scan_folder``, but returns the problems, so that a caller can add those of the pixels before raising."""
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file; give the folder that holds it" if folder.exists() else "does not exist"
        raise ImageError(f"the photo folder {folder} {what}")
    texts = metadata_texts(folder)
    problems = [*texts.problems, *(f"{name} is listed in the metadata, but absent" for name in _absent(folder, texts))]
    files = []
    for path, repeats, words in _candidates(folder, texts):
        if path.suffix.lower() in OTHER_PICTURES:
            kind = path.suffix[1:].lower()
            problems.append(f"{path.name} is a {kind} file; save it as jpg, png or webp, or remove it")
            continue
        files.append(PhotoFile(path, _caption(path, texts, problems) or words, repeats))
    if not files and not problems:
        raise ImageError(_empty(folder))
    return files, problems


def raise_problems(problems: list[str], title: str) -> None:
    """Raises one ``ImageError`` with every problem on its own line, if there are any."""
    if problems:
        raise ImageError("\n".join([f"{title}:", *(f"  - {p}" for p in problems)]))


def _caption(photo: Path, texts: Texts, problems: list[str]) -> str | None:
    """What the metadata or the text file beside it says; both must agree."""
    beside, listed = stem_text(photo, problems), texts.by_file.get(placed(photo))
    if beside and listed and beside != listed:
        problems.append(f"{photo.name} has two captions, {beside!r} (txt) and {listed!r} (metadata); keep one")
    return listed or beside


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts "photo 2" before "photo 10", whatever the case."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def _candidates(folder: Path, texts: Texts) -> Iterator[tuple[Path, int, str | None]]:
    """Picture files with kohya's repeats and caption words, sorted within the folder."""
    found: dict[Path, tuple[int, str | None]] = dict.fromkeys(_pictures(folder), (1, None))
    for sub in filter(Path.is_dir, folder.iterdir()):
        if (match := KOHYA.fullmatch(sub.name)) and not _is_junk(sub):
            found |= {path: (int(match[1]), match[2].strip()) for path in _pictures(sub)}
    known = {placed(path) for path in found}
    found |= {path: (1, None) for path in texts.by_file if path.is_file() and path not in known}
    for path in sorted(found, key=lambda p: natural_key(p.relative_to(folder) if p.is_relative_to(folder) else p)):
        yield path, *found[path]


def _pictures(folder: Path) -> list[Path]:
    suffixes = PHOTO_SUFFIXES | OTHER_PICTURES
    return [p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in suffixes and not _is_junk(p)]


def _is_junk(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in JUNK


def _absent(folder: Path, texts: Texts) -> list[str]:
    return [str(path.relative_to(placed(folder))) for path in texts.by_file if not path.is_file()]


def _empty(folder: Path) -> str:
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and not _is_junk(p) and _pictures(p))
    hint = f"; there are photos in its subfolder {inside[0]}: name that one" if inside else ""
    return f"the photo folder {folder} has no jpg, png or webp photo in it{hint}"
