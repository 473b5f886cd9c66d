"""Photos as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image


@component
class NoPurifier:
    """Leaves the photo alone: right for photos you took yourself."""

    name: Literal["none"] = "none"

    def purify(self, image: Image.Image) -> Image.Image:
        """The picture itself."""
        return image
