"""Captions that came with the photos."""

from __future__ import annotations

from typing import Literal

from staytrue.caption.base import Uncaptioned
from staytrue.caption.sentence import with_identifier
from staytrue.errors import ImageError
from staytrue.registry import component
from staytrue.types import Caption, Facts, Subject


@component
class Sidecar:
    """Captions written by hand: a ``.txt`` of the same stem, a row of metadata, kohya's folder words.

    The identifier is put directly before the class noun where it is missing, as "A Data Perspective" (arXiv 2311.04315,
    section 3) writes its captions.
    """

    name: Literal["sidecar"] = "sidecar"

    def captions(self, photos: list[Uncaptioned], subject: Subject, facts: Facts) -> list[Caption]:  # noqa: ARG002
        """The photos' own captions.

        Raises:
            ImageError: naming every photo without a caption, or whose caption mentions neither noun nor identifier.
        """
        captions = [with_identifier(photo.text, subject) if photo.text else None for photo in photos]
        problems = [f"  - {p.name} {_lack(p, subject)}" for p, c in zip(photos, captions, strict=True) if c is None]
        if problems:
            title = f"caption.name=sidecar needs a caption with every photo of {subject.name}:"
            raise ImageError("\n".join([title, *problems, "or choose caption.name=template or =background"]))
        return [caption for caption in captions if caption]


def _lack(photo: Uncaptioned, subject: Subject) -> str:
    if photo.text:
        return (
            f"says {photo.text!r}, without the class noun {subject.class_noun!r}; name it there, or change --class-noun"
        )
    return "has no caption; write one into a .txt of the same name, or into metadata.jsonl"
