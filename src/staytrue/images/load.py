"""A user's folder of photos to pictures with their captions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from staytrue.errors import ImageError
from staytrue.images.decode import ALPHA_COLOR, decode
from staytrue.images.scan import PhotoFile, raise_problems, survey


@dataclass(frozen=True)
class Photo:
    """One photo.

    Attributes:
        path: the file it came from.
        image: upright RGB picture.
        text: caption that came with it, or None.
        repeats: how often it counts (kohya's "10_"), 1 elsewhere.
    """

    path: Path
    image: Image.Image
    text: str | None = None
    repeats: int = 1


def load_folder(folder: Path, alpha_color: str = ALPHA_COLOR) -> list[Photo]:
    """Every photo of a folder, in natural order.

    Args:
        folder: flat photos (captions in ``.txt`` of the same stem, ``metadata.jsonl`` or ``.csv``), or ``10_sks dog``
            subfolders.
        alpha_color: what shows through transparent parts.

    Raises:
        ImageError: naming every file that cannot be used, all in one message.
    """
    files, problems = survey(folder)
    return list(read_photos(files, alpha_color, problems))


def read_photos(
    files: list[PhotoFile], alpha_color: str = ALPHA_COLOR, problems: Sequence[str] = ()
) -> Iterator[Photo]:
    """Yields photos one at a time, so that a large folder never sits in memory; raises after the last if any was bad.

    Args:
        files: what ``scan_folder`` found.
        alpha_color: what shows through transparent parts.
        problems: known already, for the same message.

    Raises:
        ImageError: naming every broken, animated, tiny, huge or duplicate file.
    """
    problems = list(problems)
    seen: dict[str, Path] = {}
    for file in files:
        try:
            image = decode(file.path, alpha_color)
        except ImageError as error:
            problems.append(f"{file.path.name} {error}")
            continue
        twin = seen.setdefault(pixel_hash(image), file.path)
        if twin != file.path:
            problems.append(f"{file.path.name} shows the same pixels as {twin.name}; remove one of them")
            continue
        yield Photo(file.path, image, file.text, file.repeats)
    raise_problems(problems, f"the photos in {_folder(files)} cannot be used as they are")


def pixel_hash(image: Image.Image) -> str:
    """SHA-256 of size and RGB values: equal for a photo and its lossless copy under another name or format."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def _folder(files: list[PhotoFile]) -> str:
    return str(files[0].path.parent) if files else "the folder"
