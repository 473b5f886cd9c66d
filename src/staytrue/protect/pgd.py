"""Projected gradient ascent inside an L-infinity ball: the one loop that every attack here runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.errors import StaytrueError
from staytrue.protect.base import RowLoss, Scene
from staytrue.protect.radius import StepSize, levels
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor


@component
class PGD:
    """x <- project(x + step * normalized(gradient of the loss at x)), ``steps`` times.

    project(x) = min(max(x, max(c - r, 0)), min(c + r, 1)), c the clean photo and r the radius: the nearest point that is
    within the radius of c in every value and a picture at once. Clamping the difference first and the picture after gives the
    same point.

    Reads a loss per row; rows do not mix, and a row whose gradient is 0 stays as it is. Returns the last iterate, as the
    papers' code.

    Source: Madry et al. (arXiv 1706.06083). All pixels are in [0, 1], whatever scale a paper's code has.

    Args:
        steps: of ascent.
        step: how far a value moves at most in one ("2/255" or a number); None is a tenth of the radius, as in Anti-DreamBooth
            and MetaCloak.
        normalization: "sign" (every value moves by a whole step), "l2" (gradient over its root mean square, so that a step is
            what a value moves on average), "linf" (gradient over its largest value).
        random_start: begin anywhere in the ball rather than at the clean photo.
        draws: the gradient is a mean over this many draws of what the loss draws (noise, timestep, transformation).
    """

    steps: int = Field(default=100, ge=1)
    step: StepSize = None
    normalization: Literal["sign", "l2", "linf"] = "sign"
    random_start: bool = False
    draws: int = Field(default=1, ge=1)

    def ascend(
        self, loss: RowLoss, scene: Scene, start: Float[Tensor, "rows 3 height width"] | None = None, turn: int = 0
    ) -> Float[Tensor, "rows 3 height width"]:
        """Makes the loss of every row large.

        Args:
            loss: differentiable in its pixels; random only through the number of the draw it is given.
            scene: the clean photos and the radius.
            start: where to begin; None is the clean photo, or a random point near it.
            turn: number of this call, where an attack makes several: each draws other noise.
        """
        size = scene.radius / 10 if self.step is None else self.step
        x = self._first(scene, turn) if start is None else project(start, scene.clean, scene.radius)
        for step in range(self.steps):
            gradient = self._gradient(loss, x, scene, (turn * self.steps + step) * self.draws)
            x = project(x + size * normalized(gradient, self.normalization), scene.clean, scene.radius)
            scene.tick()
        return x

    def _first(self, scene: Scene, turn: int) -> Tensor:
        if not self.random_start:
            return scene.clean.clone()
        from staytrue.protect.draws import uniform

        noise = uniform(scene, list(range(len(scene.clean))), turn, "start") * 2 - 1
        return project(scene.clean + scene.radius * noise, scene.clean, scene.radius)

    def _gradient(self, loss: RowLoss, x: Tensor, scene: Scene, first_draw: int) -> Tensor:
        import torch

        parts = []
        for start in range(0, len(x), scene.batch):
            rows = list(range(start, min(start + scene.batch, len(x))))
            pixels, total = x[rows].detach().requires_grad_(), torch.zeros_like(x[rows])
            for draw in range(first_draw, first_draw + self.draws):
                with torch.enable_grad():
                    [gradient] = torch.autograd.grad(loss(pixels, rows, draw).sum(), pixels)
                total += gradient
            parts.append(total / self.draws)
        gradient = torch.cat(parts)
        if not torch.isfinite(gradient).all():
            raise StaytrueError(
                "the attack's gradient is not finite: the backbone computes outside of its numbers' range; load it in float32,"
                " or take a smaller learning rate for the surrogate"
            )
        return gradient


def project(
    x: Float[Tensor, "rows 3 height width"], clean: Float[Tensor, "rows 3 height width"], radius: float
) -> Float[Tensor, "rows 3 height width"]:
    """The nearest picture in [0, 1] within ``radius`` of the clean one in every value."""
    low, high = (clean - radius).clamp(min=0), (clean + radius).clamp(max=1)
    return x.detach().clamp(low, high)


def normalized(gradient: Float[Tensor, "rows 3 height width"], how: str) -> Float[Tensor, "rows 3 height width"]:
    """The gradient of each row as a direction; 0 where the row's gradient is."""
    if how == "sign":
        return gradient.sign()
    whole = gradient.flatten(1)
    scale = whole.square().mean(dim=1).sqrt() if how == "l2" else whole.abs().amax(dim=1)
    return gradient / scale.where(scale > 0, 1)[:, None, None, None]


def quantized(
    x: Float[Tensor, "rows 3 height width"], clean: UInt8[Tensor, "rows 3 height width"], radius: float
) -> UInt8[Tensor, "rows 3 height width"]:
    """The picture in 8 bits, every level within the radius of the clean one: what a lossless file keeps.

    Rounded to the nearest level, then projected again in whole levels, so that neither rounding nor the last bit of a float
    leaves the ball. MetaCloak's released code truncates instead (``astype(uint8)``), which darkens by half a level on average
    and leaves it.
    """
    import torch

    allowed = levels(radius)
    whole, center = (x * 255).round().to(torch.int16), clean.to(torch.int16)
    inside = whole.clamp(center - allowed, center + allowed)
    return inside.clamp(0, 255).to(torch.uint8)
