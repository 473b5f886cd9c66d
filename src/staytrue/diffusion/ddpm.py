"""The variance-preserving process of DDPM: x_t = sqrt(a_t) x0 + sqrt(1 - a_t) noise, a_t the product of alphas.

Source: Ho et al. 2020, eq. 4; Salimans and Ho 2022, section 2 and appendix D, for v-prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from staytrue.diffusion.noised import Noised


@dataclass(frozen=True, eq=False)
class DDPM:
    """The process of SD 1.x, SD 2.x, SDXL and the miniature.

    Args:
        alphas_cumprod: a_t for t = 0 ... T-1, falling.
        prediction: "epsilon" (the noise) or "v_prediction" (sqrt(a_t) noise - sqrt(1 - a_t) x0).
    """

    alphas_cumprod: Float[Tensor, " timesteps"]
    prediction: Literal["epsilon", "v_prediction"] = "epsilon"

    def sample_timesteps(self, rows: int, generator: torch.Generator | None = None) -> Int[Tensor, " rows"]:
        """One t for each row, uniform over 0 ... T-1, on the process's device."""
        device = generator.device if generator is not None else self.alphas_cumprod.device
        t = torch.randint(len(self.alphas_cumprod), (rows,), generator=generator, device=device)
        return t.to(self.alphas_cumprod.device)

    def noise(
        self,
        x0: Float[Tensor, "rows channels height width"],
        noise: Float[Tensor, "rows channels height width"],
        t: Int[Tensor, " rows"],
    ) -> Noised:
        """Mixes noise into clean latents at the timesteps given."""
        signal, spread = self._scales(t)
        x_t = signal * x0 + spread * noise
        target = noise if self.prediction == "epsilon" else signal * noise - spread * x0
        weight = torch.ones(len(x0), dtype=x0.dtype, device=x0.device)
        return Noised(x_t, t, target, weight, x0, noise, self.snr(t), self.prediction)

    def snr(self, t: Int[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """Signal-to-noise ratio a_t / (1 - a_t)."""
        a = self.alphas_cumprod[t]
        return a / (1 - a)

    def x0_from(
        self, noised: Noised, prediction: Float[Tensor, "rows channels height width"]
    ) -> Float[Tensor, "rows channels height width"]:
        """The clean latents that a prediction implies. Infinite for epsilon where a_t is 0."""
        signal, spread = self._scales(noised.t)
        if self.prediction == "epsilon":
            return (noised.x_t - spread * prediction) / signal
        return signal * noised.x_t - spread * prediction

    def _scales(self, t: Tensor) -> tuple[Tensor, Tensor]:
        a = self.alphas_cumprod[t][:, None, None, None]
        return a.sqrt(), (1 - a).sqrt()
