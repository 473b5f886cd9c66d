"""Random noise of the same radius: the control that every protection has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from staytrue.protect.base import Scene
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@component
class RandomNoise:
    """Noise that knows no model: x = project(c + r s), s random.

    Reads the photos and the radius alone. Returns pictures in the ball.
    Source: the control of DiffShortcut (arXiv 2406.18944), which is said neither to move the CLIP embedding nor to hurt
    training, and is not tabulated there. Its distribution is not stated; ours is "sign" by default: no perturbation of the
    same radius has more energy, so whatever an attack does beyond this control it does by direction.
    Known to fail as a protection, which is its purpose.

    Args:
        distribution: "sign" (each value moves by the whole radius, up or down) or "uniform" (by anything up to it).
    """

    name: Literal["random_noise"] = "random_noise"
    distribution: Literal["sign", "uniform"] = "sign"

    def gradients(self) -> int:
        """None."""
        return 0

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The photos with noise."""
        from staytrue.protect.draws import uniform
        from staytrue.protect.pgd import project

        direction = uniform(scene, list(range(len(scene.clean))), 0, "control") * 2 - 1
        if self.distribution == "sign":
            direction = direction.sign()
        return project(scene.clean + scene.radius * direction, scene.clean, scene.radius)
