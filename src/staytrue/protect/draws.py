"""Chance, row by row: a photo's noise is a function of the seed, the photo's number and the draw, never of its company."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from staytrue.diffusion.randomness import generator_for
from staytrue.protect.base import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone


def generators(seed: int, rows: Sequence[int], draw: int, purpose: str) -> list[torch.Generator]:
    """A CPU generator for each row."""
    return [generator_for(seed, row, draw, purpose) for row in rows]


def normal(
    seed: int, rows: Sequence[int], draw: int, purpose: str, shape: Sequence[int]
) -> Float[Tensor, "rows channels height width"]:
    """Standard normal numbers, each row's own."""
    return torch.stack([torch.randn(*shape, generator=g) for g in generators(seed, rows, draw, purpose)])


def uniform(scene: Scene, rows: Sequence[int], draw: int, purpose: str) -> Float[Tensor, "rows channels height width"]:
    """Numbers uniform in [0, 1), shaped as the photos and on their device."""
    shape = scene.clean.shape[1:]
    drawn = [torch.rand(*shape, generator=g) for g in generators(scene.seed, rows, draw, purpose)]
    return torch.stack(drawn).to(scene.clean)


def timesteps(backbone: LoadedBackbone, seed: int, rows: Sequence[int], draw: int) -> Shaped[Tensor, " rows"]:
    """One timestep for each row, as training draws them."""
    drawn = [backbone.process.sample_timesteps(1, g) for g in generators(seed, rows, draw, "timestep")]
    return torch.cat(drawn)
