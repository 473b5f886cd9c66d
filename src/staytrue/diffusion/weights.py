"""Weights of the loss by timestep, one per row. Never reduced here: a row's weight meets only that row's loss."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def uniform(snr: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """1 for every row: the plain loss on the network's own target."""
    return torch.ones_like(snr)


def min_snr(snr: Float[Tensor, " rows"], prediction: str, gamma: float = 5.0) -> Float[Tensor, " rows"]:
    """Min-SNR weights: the x0 loss weighted by min(SNR, gamma), written for the loss on the network's target.

    epsilon: min(SNR, gamma) / SNR, since the x0 error is the epsilon error divided by SNR;
    v_prediction: min(SNR, gamma) / (SNR + 1), since SNR + 1 times the x0 error is the v error.

    Args:
        snr: signal-to-noise ratio of each row.
        prediction: "epsilon" or "v_prediction".
        gamma: cap on the SNR; 5 in the paper.

    Returns:
        One weight per row, in [0, 1] for epsilon and [0, gamma / (gamma + 1)] for v. At SNR 0 (zero terminal SNR)
        epsilon's limit is 1 and v's is 0.

    Raises:
        ValueError: for a flow, whose loss weighting is another question.

    Source: Hang et al. 2023 (arXiv 2303.09556), eq. 7 and section 3.4. diffusers' DreamBooth script computes 2B weights for B
    losses under prior preservation; here a row's weight is its own, class rows included.
    """
    capped = snr.clamp(max=gamma)
    if prediction == "epsilon":
        return torch.where(snr > 0, capped / snr.clamp(min=torch.finfo(snr.dtype).tiny), torch.ones_like(snr))
    if prediction == "v_prediction":
        return capped / (snr + 1)
    raise ValueError(f"min-SNR is defined for epsilon and v_prediction, not for {prediction!r}")
