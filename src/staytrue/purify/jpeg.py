"""JPEG compression as a purifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image


@component
class Jpeg:
    """Compresses the photo once as JPEG and decodes it.

    Reads one picture, returns one of the same size: high frequencies quantized away, and with them part of a
    perturbation.
    Source: the "JPEG" baseline of DiffShortcut (arXiv 2406.18944, section 5.1), quality 75 as in its released code.
    Known to fail: protections made with JPEG in their loop survive it; fine texture is lost below quality 50.

    Attributes:
        quality: of the JPEG encoder, 1 (worst) to 95.
        subsampling: whether color is stored at half resolution ("4:2:0", as cameras and that code do) or in full.
    """

    name: Literal["jpeg"] = "jpeg"
    quality: int = Field(default=75, ge=1, le=95)
    subsampling: Literal["4:2:0", "4:4:4"] = "4:2:0"

    def purify(self, image: Image.Image) -> Image.Image:
        """The picture after one round of compression."""
        import io

        from PIL import Image

        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=self.quality, subsampling=self.subsampling)
        return Image.open(buffer).convert("RGB")
