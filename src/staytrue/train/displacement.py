"""How far the trained weights are from where they began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from staytrue.backbones.base import LoadedBackbone


@dataclass(frozen=True, eq=False)
class Displacement:
    """||theta - theta_0||^2 over everything that is trained.

    Args:
        moved: parameters with a copy of their first values.
        updates: (A, B, scale) of low-rank updates W + scale B A, which begin as W.
    """

    moved: tuple[tuple[nn.Parameter, Tensor], ...]
    updates: tuple[tuple[nn.Parameter, nn.Parameter, float], ...] = ()

    @classmethod
    def of(cls, backbone: LoadedBackbone, parameters: Sequence[nn.Parameter]) -> Displacement:
        """From the parameters as they are now."""
        updates = tuple(u for module in backbone.trainable_modules().values() for u in _updates(module))
        low_rank = {id(p) for a, b, _ in updates for p in (a, b)}
        return cls(tuple((p, p.detach().clone()) for p in parameters if id(p) not in low_rank), updates)

    def __call__(self) -> Float[Tensor, ""]:
        """The squared distance, in float32, with gradient."""
        # mse_loss keeps its two inputs for the backward pass, where (p - p0).square() would keep a third copy
        parts = [mse_loss(p.float(), first.float(), reduction="sum") for p, first in self.moved]
        parts += [_squared_norm(a, b) * scale**2 for a, b, scale in self.updates]
        return torch.stack(parts).sum()

    def bytes(self) -> int:
        """Of the copies."""
        return sum(first.nbytes for _, first in self.moved)


def _squared_norm(a: Tensor, b: Tensor) -> Float[Tensor, ""]:
    """||B A||_F^2 = sum of (B^T B) * (A A^T): rank by rank, never out by in. A convolution's kernel counts as columns."""
    rows, columns = a.float().flatten(1), b.float().flatten(1)
    return ((columns.T @ columns) * (rows @ rows.T)).sum()


def _updates(module: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter, float]]:
    from peft.tuners.lora import LoraLayer

    layers = [layer for layer in module.modules() if isinstance(layer, LoraLayer)]
    return [
        (layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name])
        for layer in layers
        for name in layer.lora_A
    ]
