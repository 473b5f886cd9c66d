"""GrIDPure, with the backbone itself."""

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
class GridPure:
    """A little DiffPure many times, in overlapping tiles, each round mixed with the picture before it.

    Formula: x <- (1 - gamma) mean of overlapping tiles of DiffPure_t(tile) + gamma x, ``rounds`` times.
    Source: Zhao et al., GrIDPure, arXiv 2312.00084: tiles of 256 px every 128, t = 10, gamma = 0.1, in pixels, by an
    unconditional model of ImageNet; 20 rounds in their code, 10 in DiffShortcut's.
    Difference: the backbone removes the noise, in latents, so no other checkpoint is needed; tiles are half of its
    resolution. t is of the 1000-step chain (DiffShortcut's copy counts a chain of 250, where 10 means 40).
    Known to fail: each round is one more pass through the autoencoder, and its blur adds up.

    Attributes:
        t: timestep that is noised to, of 1000.
        rounds: how often.
        gamma: share of the picture before that is kept.
        tile: side of a tile, as a share of the backbone's resolution; tiles overlap by half.
        steps: of the way back, at most.
    """

    name: Literal["gridpure"] = "gridpure"
    t: int = Field(default=10, ge=1, le=999)
    rounds: int = Field(default=10, ge=1, le=100)
    gamma: float = Field(default=0.1, ge=0, lt=1)
    tile: float = Field(default=0.5, gt=0, le=1)
    steps: int = Field(default=4, ge=1, le=1000)

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning, with the run's backbone and no prompt."""
        from staytrue.purify import noising
        from staytrue.purify.scaled import at_size, grain_px, native_size
        from staytrue.purify.tiles import tiled

        backbone = tools.backbone()
        condition = noising.conditioned(backbone, "", 1.0)
        timesteps, grain = noising.descending(self.t, self.steps), grain_px(backbone)
        side = max(1, round(backbone.facts.resolution_px * self.tile / grain)) * grain

        def clean(image: Image.Image) -> Image.Image:
            chance = noising.generator(image, "gridpure", tools.seed)

            def pure(tile: Tensor) -> Tensor:
                latents = backbone.encode(tile)[0]
                return backbone.decode(noising.there_and_back(backbone, latents, timesteps, condition, chance))

            def work(pixels: Tensor) -> Tensor:
                pixels = pixels.to(backbone.device)
                for _ in range(self.rounds):
                    pixels = (1 - self.gamma) * tiled(pixels, side, pure).clamp(-1, 1) + self.gamma * pixels
                return pixels

            return at_size(image, native_size(image, backbone), work)

        return clean
