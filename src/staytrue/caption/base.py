"""What a captioner is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from staytrue.types import Caption, Facts, Subject

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Uncaptioned:
    """One photo to caption.

    Attributes:
        name: for messages: the file as the user knows it.
        image: the purified picture.
        text: caption that came with it, or None.
    """

    name: str
    image: Image.Image
    text: str | None = None


class Captioner(Protocol):
    """A component that says what the photos of one subject show."""

    @property
    def name(self) -> str: ...

    def captions(self, photos: list[Uncaptioned], subject: Subject, facts: Facts) -> list[Caption]:
        """One caption per photo, in order, each with the subject's phrase in it.

        Args:
            photos: of one subject.
            subject: gives the class noun and the identifier.
            facts: of the backbone, whose words the captions should use.
        """
        ...
