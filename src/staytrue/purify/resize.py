"""Down and up again as a purifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image


@component
class Resize:
    """Shrinks the photo and enlarges it back: what is finer than the small version is gone.

    Reads one picture, returns one of the same size. Shrinking averages (antialiased), enlarging interpolates.
    Source: the step down to 128 of 512 px in DiffShortcut's CodeSR (arXiv 2406.18944, section 4.1), where an upscaler then
    draws detail anew. Alone it draws nothing: it is that step's control.
    Known to fail: a protection with low frequencies passes; detail does not.

    Attributes:
        share: of each side that is kept in between.
        filter: of both ways.
    """

    name: Literal["resize"] = "resize"
    share: float = Field(default=0.5, gt=0, lt=1)
    filter: Literal["bicubic", "lanczos", "bilinear"] = "bicubic"

    def purify(self, image: Image.Image) -> Image.Image:
        """The picture as its small version shows it."""
        from PIL import Image

        resample = Image.Resampling[self.filter.upper()]
        small = image.resize(
            (max(1, round(image.width * self.share)), max(1, round(image.height * self.share))), resample
        )
        return small.resize(image.size, resample)
