"""Rectified flow: x_t = (1 - s) x0 + s noise, s in (0, 1); the network predicts the velocity noise - x0.

Source: Liu et al. 2022 (rectified flow), eq. 1; Esser et al. 2024 (SD3), eq. 13 and section 3.1 for the logit-normal
timesteps. ``t`` is s times 1000, as SD3's and FLUX's networks take it in diffusers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from staytrue.diffusion.noised import Noised

STEPS = 1000.0


@dataclass(frozen=True, eq=False)
class Flow:
    """The process of SD3 and FLUX.

    Args:
        mean: of the logit of s.
        spread: standard deviation of the logit of s.
        device: where timesteps are made.
    """

    mean: float = 0.0
    spread: float = 1.0
    device: str = "cpu"
    prediction = "flow"

    def sample_timesteps(self, rows: int, generator: torch.Generator | None = None) -> Float[Tensor, " rows"]:
        """One t for each row: 1000 times the sigmoid of a normal number."""
        device = generator.device if generator is not None else self.device
        logits = self.mean + self.spread * torch.randn(rows, generator=generator, device=device)
        return STEPS * torch.sigmoid(logits).to(self.device)

    def noise(
        self,
        x0: Float[Tensor, "rows channels height width"],
        noise: Float[Tensor, "rows channels height width"],
        t: Float[Tensor, " rows"],
    ) -> Noised:
        """Mixes noise into clean latents at the timesteps given."""
        s = (t / STEPS)[:, None, None, None]
        weight = torch.ones(len(x0), dtype=x0.dtype, device=x0.device)
        return Noised((1 - s) * x0 + s * noise, t, noise - x0, weight, x0, noise, self.snr(t), self.prediction)

    def snr(self, t: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """Signal-to-noise ratio ((1 - s) / s)^2."""
        s = t / STEPS
        return ((1 - s) / s) ** 2

    def x0_from(
        self, noised: Noised, prediction: Float[Tensor, "rows channels height width"]
    ) -> Float[Tensor, "rows channels height width"]:
        """The clean latents that a velocity implies: x_t - s velocity."""
        return noised.x_t - (noised.t / STEPS)[:, None, None, None] * prediction
