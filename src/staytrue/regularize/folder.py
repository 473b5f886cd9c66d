"""Class images that the user already has."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from staytrue.errors import ImageError
from staytrue.grammar import word
from staytrue.images.scan import PhotoFile, scan_folder
from staytrue.registry import component
from staytrue.regularize.base import Brief, Planned
from staytrue.types import Caption, Subject


@component
class Folder:
    """Pictures of other members of the class, from a folder in any of the forms that photos come in.

    Each has its own caption (``.txt``, ``metadata.jsonl`` or ``.csv``, kohya's folder words), or else "a [class noun]".
    The same folder serves every subject of the run.

    Attributes:
        path: the folder.
        count: use the first so many; None uses all.
    """

    name: Literal["folder"] = "folder"
    path: Path
    count: int | None = Field(default=None, ge=1)

    def plan(self, brief: Brief) -> list[Planned]:
        """One row per picture, in natural order.

        Raises:
            ImageError: no such folder, nothing in it, or captions that name the subject itself.
        """
        try:
            files = scan_folder(self.path)[: self.count]
        except ImageError as error:
            raise ImageError(f"regularize.path: {error}") from None
        named = [f.path.name for f in files if f.text and _names(f.text, brief.subject)]
        if named:
            who = brief.subject.identifier
            raise ImageError(
                f"captions of class images must not hold the identifier {who!r}, but these do: {', '.join(named)}; "
                "remove the word from them, or keep the subject's own photos out of this folder"
            )
        return [Planned(_caption(f, brief.subject), file=f.path) for f in files for _ in range(f.repeats)]


def _caption(file: PhotoFile, subject: Subject) -> Caption:
    return Caption(noun=subject.class_noun, text=(file.text or "").replace("{phrase}", subject.class_noun))


def _names(text: str, subject: Subject) -> bool:
    return word(subject.identifier).search(text) is not None
