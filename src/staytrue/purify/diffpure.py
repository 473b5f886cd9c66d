"""DiffPure, with the backbone itself."""

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
class DiffPure:
    """Drowns a perturbation in noise, and lets the backbone remove both.

    Formula: x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e, then DDPM's ancestral steps from t to 0, in the backbone's latents.
    Source: Nie et al., arXiv 2205.07460, section 3; in latents, with a prompt, it is the baseline "LatentDiffPure" of
    DiffShortcut (arXiv 2406.18944, section 5.1: t = 300 of 1000, guidance 7.5, prompt "a photo of a {class}, clear, high
    resolution, high quality, noise-free"), and with an empty prompt its "LatentDiffPure-0".
    Difference: timesteps are of the 1000-step chain, always; its released pixel baselines count them on a respaced one, and
    so noise far more than they say. About 20 steps from t, not every one.
    Known to fail: t large enough for a strong protection redraws the subject, whose identity the backbone does not know.

    Attributes:
        t: timestep that is noised to, of 1000.
        steps: of the way back, at most.
        prompt: what the backbone is told; ``{}`` is the class noun with its article, and an empty text tells nothing.
        guidance: weight of the prompt; 1 turns guidance off.
    """

    name: Literal["diffpure"] = "diffpure"
    t: int = Field(default=300, ge=1, le=999)
    steps: int = Field(default=20, ge=1, le=1000)
    prompt: str = "a photo of {}"
    guidance: float = Field(default=1.0, ge=1)

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning, with the run's backbone."""
        from staytrue.purify import noising
        from staytrue.purify.scaled import at_size, native_size

        backbone = tools.backbone()
        condition = noising.conditioned(backbone, tools.prompt(self.prompt), self.guidance)
        timesteps = noising.descending(self.t, self.steps)

        def clean(image: Image.Image) -> Image.Image:
            chance = noising.generator(image, "diffpure", tools.seed)

            def work(pixels: Tensor) -> Tensor:
                latents = backbone.encode(pixels.to(backbone.device))[0]
                return backbone.decode(noising.there_and_back(backbone, latents, timesteps, condition, chance))

            return at_size(image, native_size(image, backbone), work)

        return clean
