"""What a purifier is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image


class Purifier(Protocol):
    """A component that cleans one photo. Pure: picture in, picture of the same size out; it knows no paths."""

    @property
    def name(self) -> str: ...

    def purify(self, image: Image.Image) -> Image.Image:
        """The cleaned RGB picture."""
        ...
