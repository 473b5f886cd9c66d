"""The optimization behind IMPRESS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone


@dataclass(frozen=True)
class Pull:
    """What is minimized, and how.

    Attributes:
        steps: of Adam.
        rate: its first step size; it falls along a cosine to a thousandth.
        weight: of the distance beyond the budget.
        budget: distance that costs nothing.
        distance: of two batches in [-1, 1].
    """

    steps: int
    rate: float
    weight: float
    budget: float
    distance: Callable[[Tensor, Tensor], Tensor]


def loss(backbone: LoadedBackbone, x: Tensor, photo: Tensor, pull: Pull) -> Tensor:
    """|D(E(x)) - x|^2 (mean over pixels) + weight max(d(x, photo) - budget, 0)."""
    beyond = (pull.distance(x, photo) - pull.budget).clamp(min=0)
    return (reconstruction(backbone, x) - x).square().mean() + pull.weight * beyond.mean()


def reconstruction(backbone: LoadedBackbone, x: Tensor) -> Tensor:
    """D(E(x)) through the posterior's mean, with its gradient: the backbone's own ``encode`` and ``decode`` have none."""
    encoded = backbone.vae.encode(x.to(backbone.vae.dtype))
    latents = encoded.latent_dist.mean if hasattr(encoded, "latent_dist") else encoded.latents
    return backbone.vae.decode(latents).sample.to(x.dtype)


def consistent(
    backbone: LoadedBackbone,
    photo: Float[Tensor, "1 3 height width"],
    pull: Pull,
    spread: float,
    chance: torch.Generator,
) -> Float[Tensor, "1 3 height width"]:
    """The picture that minimizes ``loss``, from the photo plus noise."""
    noise = torch.randn(photo.shape, generator=chance).to(photo.device)
    x = (photo + spread * noise).clamp(-1, 1).requires_grad_()
    adam = torch.optim.Adam([x], lr=pull.rate, eps=1e-5)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, pull.steps, eta_min=pull.rate / 1000)
    for _ in range(pull.steps):
        (x.grad,) = torch.autograd.grad(loss(backbone, x, photo, pull), x)
        adam.step()
        falling.step()
        with torch.no_grad():
            x.clamp_(-1, 1)
    return x.detach()
