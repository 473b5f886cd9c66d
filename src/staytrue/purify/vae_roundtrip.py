"""The autoencoder's own idea of the photo as a purifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from staytrue.purify.base import Cleaner
    from staytrue.purify.tools import Tools


@component
class VaeRoundtrip:
    """Encodes the photo with the backbone's autoencoder and decodes it, ``rounds`` times.

    Formula: x <- D(E(x)), E the mean of the posterior, at the backbone's resolution.
    Source: the reconstruction whose error IMPRESS minimizes (Cao et al., arXiv 2310.19248), taken as a purifier
    by itself: it is IMPRESS after no step.
    Known to fail: protections aimed at the autoencoder (PhotoGuard) are carried through by it, by design.

    Attributes:
        rounds: how often.
    """

    name: Literal["vae_roundtrip"] = "vae_roundtrip"
    rounds: int = Field(default=1, ge=1, le=20)

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning, with the run's backbone."""
        from staytrue.purify.scaled import at_size, native_size

        backbone = tools.backbone()

        def again(pixels: Tensor) -> Tensor:
            for _ in range(self.rounds):
                pixels = backbone.decode(backbone.encode(pixels)[0]).clamp(-1, 1)
            return pixels

        def clean(image: Image.Image) -> Image.Image:
            return at_size(image, native_size(image, backbone), again)

        return clean
