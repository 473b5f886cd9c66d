"""FSMG: fully-trained surrogate model guidance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.protect.base import Scene
from staytrue.protect.pgd import PGD
from staytrue.protect.training import SurrogateTraining, scaled
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@component
class Fsmg:
    """Raises the loss of a model that has learned the subject from clean photos.

    theta = argmin over theta of L_db(theta, reference);  x = argmax over the ball of L_cond(theta, x).

    Reads the photos, clean reference photos of the subject, and the backbone. Returns pictures in the ball.
    Source: Anti-DreamBooth (Van Le et al., arXiv 2303.15433), "fully-trained surrogate model guidance". Its scripts train
    1,000 steps of two photos and ascend 100 steps of 5e-3 within 5e-2, both on [-1, 1]: a radius of 6.4/255 by tenths. Differs:
    prior preservation is off unless asked for.
    Known to fail: whoever trains meets another path of weights than the one end point that was attacked; purifiers remove it.

    Args:
        pgd: the ascent.
        surrogate: how the surrogate learns.
        surrogate_steps: for how long; None is 1,000, and 200 for the miniature.
    """

    name: Literal["fsmg"] = "fsmg"
    pgd: PGD = Field(default_factory=PGD)
    surrogate: SurrogateTraining = Field(default_factory=SurrogateTraining)
    surrogate_steps: int | None = Field(default=None, ge=1)

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.pgd.steps

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.protect.surrogate import Surrogate

        surrogate = Surrogate(scene.fresh(None), scene, self.surrogate)
        surrogate.learn(scene.reference, self.surrogate_steps or int(scaled(surrogate.backbone.facts, 1000, 200)))
        return self.pgd.ascend(surrogate.denoising, scene)
