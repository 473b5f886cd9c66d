"""Weights of the loss by timestep, one per row. Never reduced here: a row's weight meets only that row's loss."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from staytrue.diffusion.noised import Noised

Weighting = Literal["uniform", "min_snr", "noise"]


def by_time(noised: Noised, weighting: Weighting, gamma: float = 5.0) -> Float[Tensor, " rows"]:
    """The weight of each row's loss by its timestep, times the noise process's own.

    Args:
        noised: the rows.
        weighting: "uniform"; "min_snr"; or "noise", which counts where the words decide and not where the picture does.
        gamma: cap on the SNR of "min_snr".
    """
    chosen = {
        "uniform": lambda: uniform(noised.snr),
        "min_snr": lambda: min_snr(noised.snr, noised.prediction, gamma),
        "noise": lambda: noise_share(noised.snr),
    }
    return noised.weight * chosen[weighting]()


def uniform(snr: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """1 for every row: the plain loss on the network's own target."""
    return torch.ones_like(snr)


def min_snr(snr: Float[Tensor, " rows"], prediction: str, gamma: float = 5.0) -> Float[Tensor, " rows"]:
    """Min-SNR weights: the x0 loss weighted by min(SNR, gamma), written for the loss on the network's target.

    epsilon: min(SNR, gamma) / SNR, since the x0 error is the epsilon error divided by SNR;
    v_prediction: min(SNR, gamma) / (SNR + 1), since SNR + 1 times the x0 error is the v error;
    flow: min(SNR, gamma) / (1 + sqrt(SNR))^2, since the x0 error is s^2 times the velocity's and s = 1 / (1 + sqrt(SNR)).

    Args:
        snr: signal-to-noise ratio of each row.
        prediction: "epsilon", "v_prediction" or "flow".
        gamma: cap on the SNR; 5 in the paper.

    Returns:
        One weight per row, in [0, 1] for epsilon, [0, gamma / (gamma + 1)] for v and [0, gamma / (1 + sqrt(gamma))^2] for
        a flow. At SNR 0 (zero terminal SNR) epsilon's limit is 1, the others' is 0.

    Source: Hang et al. 2023 (arXiv 2303.09556), eq. 7 and section 3.4; the flow's is the same argument, not in the paper.
    diffusers' DreamBooth script computes 2B weights for B losses under prior preservation; here a row's weight is its own, class
    rows included.
    """
    capped = snr.clamp(max=gamma)
    if prediction == "epsilon":
        return torch.where(snr > 0, capped / snr.clamp(min=torch.finfo(snr.dtype).tiny), torch.ones_like(snr))
    if prediction == "v_prediction":
        return capped / (snr + 1)
    if prediction == "flow":
        return capped / (1 + snr.sqrt()).square()
    raise ValueError(f"min-SNR is defined for epsilon, v_prediction and flow, not for {prediction!r}")


def noise_share(snr: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """1 / (1 + SNR): the noise's share of the power of x_t, 1 - a_t for the processes of DDPM."""
    return 1 / (1 + snr)
