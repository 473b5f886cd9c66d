"""A few steps of an image-to-image edit, written so that a gradient can pass: noise a latent, then denoise it under a text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.noised import Noised

if TYPE_CHECKING:
    from jaxtyping import Float

LAST = 999


@dataclass(frozen=True)
class Edit:
    """How an edit runs.

    Attributes:
        text: what it asks for.
        strength: how much noise is mixed in, as a share of the whole schedule.
        steps: of DDIM, eta 0, evenly spaced.
        guidance: weight of the text over no text; 1 turns it off.
    """

    text: str
    strength: float
    steps: int
    guidance: float

    def times(self) -> list[int]:
        """The timesteps, falling."""
        return [round(self.strength * LAST * (self.steps - n) / self.steps) for n in range(self.steps)]


def edited(
    backbone: LoadedBackbone,
    x0: Float[Tensor, "rows channels h w"],
    noise: Float[Tensor, "rows channels h w"],
    edit: Edit,
) -> Float[Tensor, "rows channels h w"]:
    """The latent after the edit: at each time x0 is predicted, and mixed with the implied noise at the next time."""
    with torch.no_grad():
        condition = backbone.encode_text([""] * len(x0) + [edit.text] * len(x0))
    times = edit.times()
    noised = backbone.process.noise(x0, noise, _t(times[0], x0))
    for now, following in zip(times, [*times[1:], None], strict=True):
        noised = replace(noised, t=_t(now, x0))
        x0 = backbone.process.x0_from(noised, _guided(backbone, noised, condition, edit.guidance))
        if following is not None:
            noised = backbone.process.noise(x0, _implied_noise(backbone, noised, x0), _t(following, x0))
    return x0


def _guided(backbone: LoadedBackbone, noised: Noised, condition: Tensor, guidance: float) -> Tensor:
    count = len(noised)
    if guidance == 1:
        return backbone.predict(noised, condition[count:]).float()
    both = backbone.predict(noised.select(torch.arange(count).repeat(2)), condition).float()
    return both[:count] + guidance * (both[count:] - both[:count])


def _implied_noise(backbone: LoadedBackbone, noised: Noised, x0: Tensor) -> Tensor:
    """The noise that x_t holds beside x0; mixing is linear, so both scales can be read off the process itself."""
    nothing, ones = torch.zeros_like(x0), torch.ones_like(x0)
    signal = backbone.process.noise(x0, nothing, noised.t).x_t
    spread = backbone.process.noise(nothing, ones, noised.t).x_t
    return (noised.x_t - signal) / spread


def _t(time: int, x0: Tensor) -> Tensor:
    return torch.full((len(x0),), time, dtype=torch.long, device=x0.device)
