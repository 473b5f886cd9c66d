"""IMPRESS: optimize the photo until the autoencoder agrees with it."""

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
class Impress:
    """Looks for a picture near the photo that the autoencoder reconstructs as it is.

    Formula: min_x  |D(E(x)) - x|^2 + weight max(d(x, photo) - budget, 0), x in [-1, 1], from x = photo + spread N(0, 1); Adam, the
    rate falling along a cosine.
    Source: Cao et al., IMPRESS, arXiv 2310.19248, with the constants of the code that DiffShortcut vendors (weight 0.1, budget 0.1,
    spread 0.1, rate 0.01, 3000 steps).
    Difference: d is LPIPS (AlexNet; there VGG) where that is installed, else 1 - SSIM; the squared error is a mean over
    pixels; float32.
    Known to fail: protections that do not make the reconstruction inconsistent (those aimed at the denoiser) have little for
    it to repair; slow.

    Attributes:
        steps: of Adam.
        rate: its first step size, in [-1, 1].
        weight: of leaving the photo's neighborhood.
        budget: perceptual distance that costs nothing.
        spread: of the noise that it starts with.
    """

    name: Literal["impress"] = "impress"
    steps: int = Field(default=3000, ge=1)
    rate: float = Field(default=0.01, gt=0)
    weight: float = Field(default=0.1, ge=0)
    budget: float = Field(default=0.1, ge=0)
    spread: float = Field(default=0.1, ge=0)

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning, with the run's autoencoder."""
        from staytrue.purify import noising
        from staytrue.purify.consistency import Pull, consistent
        from staytrue.purify.distance import perceptual_distance
        from staytrue.purify.scaled import at_size, native_size

        backbone = tools.backbone()
        distance = tools.once("distance", lambda: perceptual_distance(tools.device))
        pull = Pull(self.steps, self.rate, self.weight, self.budget, distance.between)

        def clean(image: Image.Image) -> Image.Image:
            chance = noising.generator(image, "impress", tools.seed)

            def work(pixels: Tensor) -> Tensor:
                return consistent(backbone, pixels.to(backbone.device), pull, self.spread, chance)

            return at_size(image, native_size(image, backbone), work)

        return clean
