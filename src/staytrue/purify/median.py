"""Median filter as a purifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image


@component
class Median:
    """Replaces each pixel, channel by channel, by the median of the window around it.

    Reads one picture, returns one of the same size: isolated outliers vanish and edges stay, unlike with a blur.
    Source: feature squeezing (Xu, Evans and Qi, arXiv 1704.01155, section III-B), there with 2 x 2 and 3 x 3 windows.
    Known to fail: lines thinner than half the window vanish, small letters among them.

    Attributes:
        window_px: side of the window, odd.
    """

    name: Literal["median"] = "median"
    window_px: int = Field(default=3, ge=3, le=15)

    @field_validator("window_px")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("the window's side must be odd")
        return value

    def purify(self, image: Image.Image) -> Image.Image:
        """The filtered picture."""
        from PIL import ImageFilter

        return image.filter(ImageFilter.MedianFilter(self.window_px))
