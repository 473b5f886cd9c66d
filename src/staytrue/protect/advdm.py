"""AdvDM: adversarial examples for the untouched diffusion model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.protect.base import Scene
from staytrue.protect.pgd import PGD
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@component
class AdvDM:
    """Raises the loss of the model that nobody has trained yet.

    x = argmax over the ball of E_{t, e, z ~ q(z|x)} |target - prediction(z_t, t, "a photo of a [noun]")|^2, one draw a step.

    Reads the photos, the class noun and the backbone. Returns pictures in the ball.
    Source: Liang et al. (arXiv 2302.04578), their Monte Carlo ascent of the model's own loss. Copies of the code differ:
    GrIDPure's steps by a fifth of a radius of 8/255 on [-1, 1], Diff-Protect's by a sixteenth of 16; both 100 times. Ours: a
    tenth of the radius, 100 times, under the class caption.
    Known to fail: the autoencoder alone decides much of the gradient, so another autoencoder is less impressed; purifiers
    remove it.

    Args:
        pgd: the ascent.
    """

    name: Literal["advdm"] = "advdm"
    pgd: PGD = Field(default_factory=PGD)

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.pgd.steps

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.protect.surrogate import Surrogate

        surrogate, caption = Surrogate(scene.fresh(None), scene), scene.class_caption()
        return self.pgd.ascend(lambda pixels, rows, draw: surrogate.denoising(pixels, rows, draw, caption), scene)
