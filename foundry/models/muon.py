"""Muon: momentum whose matrices are orthogonalized, so that every direction of a weight learns at one speed."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)
ROUNDS = 4
SMALLEST_SIDE = 8


def orthogonalize(matrices: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Nearest semi-orthogonal matrices by Newton-Schulz, batched over the first axis (Jordan et al., 2024)."""
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT.contiguous() if tall else x
    x = _long_rounds(x, rounds) if x.shape[-1] > 1.5 * x.shape[-2] else _square_rounds(x, rounds)
    return x.mT if tall else x


def _square_rounds(x: Tensor, rounds: int) -> Tensor:
    a, b, c = QUINTIC
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x


def _long_rounds(x: Tensor, rounds: int) -> Tensor:
    """The same rounds on the small Gram matrix alone: a round multiplies by a polynomial of it. A third of the work."""
    a, b, c = QUINTIC
    gram = x @ x.mT
    product = torch.eye(gram.shape[-1], device=x.device)
    for _ in range(rounds):
        factor = (gram @ gram).mul_(c).add_(gram, alpha=b)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ x


def is_matrix(name: str, weight: nn.Parameter) -> bool:
    """Whether Muon should train it: hidden matrices and convolutions, no tables of embeddings, no vectors."""
    return weight.ndim >= 2 and "embedding" not in name and min(len(weight), weight[0].numel()) > SMALLEST_SIDE


class Muon(Optimizer):
    """Nesterov momentum, orthogonalized, scaled so that AdamW's learning rates fit (Liu et al., 2025)."""

    def __init__(self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update every weight; weights of one shape are orthogonalized together."""
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[nn.Parameter]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    shapes.setdefault((len(weight), weight[0].numel()), []).append(weight)
            for shape, weights in shapes.items():
                self._step_shape(weights, shape, group)

    def _step_shape(self, weights: list[nn.Parameter], shape: tuple[int, int], group: dict) -> None:
        directions = orthogonalize(torch.stack([self._momentum(w, group).reshape(shape) for w in weights]))
        directions *= -0.2 * group["lr"] * max(shape) ** 0.5
        for weight, direction in zip(weights, directions, strict=True):
            weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction.view(weight.shape))

    def _momentum(self, weight: nn.Parameter, group: dict) -> Tensor:
        buffer = self.state[weight].setdefault("momentum", torch.zeros_like(weight.grad))
        buffer.lerp_(weight.grad, 1 - group["momentum"])
        return weight.grad.lerp(buffer, group["momentum"])
