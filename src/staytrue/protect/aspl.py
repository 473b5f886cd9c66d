"""ASPL: alternating surrogate and perturbation learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.protect.base import Scene
from staytrue.protect.pgd import PGD
from staytrue.protect.training import SurrogateTraining
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.protect.surrogate import Surrogate


@component
class Aspl:
    """Attacks a model that learns from the attacked photos as they grow worse, as whoever takes them will.

    For n = 1 ... rounds:
        theta' = theta trained on the clean reference photos, ``clean_steps`` steps;
        x <- ascent of L_cond(theta', x) within the ball, from where x was;
        theta <- theta trained on x, ``perturbed_steps`` steps.

    Reads the photos, clean reference photos of the subject, and the backbone. Returns pictures in the ball.
    Source: Anti-DreamBooth (Van Le et al., arXiv 2303.15433), "alternating surrogate and perturbation learning"; 50 rounds of
    3, 6 and 3 steps in its scripts.
    Differs: surrogates have float32 weights, where its code casts them to bfloat16, in which a step of 5e-7 is mostly rounded
    away; prior preservation is off unless asked for; noise and order go on over the rounds, where its training takes the same
    few photos in the same order in every round.
    Known to fail: purifiers remove it; a training with another autoencoder is less impressed.

    Args:
        pgd: the ascent of one round.
        surrogate: how the surrogate learns.
        rounds: of the three steps above.
        clean_steps: on clean photos, for the copy that is attacked.
        perturbed_steps: on attacked photos, for the model that goes on.
    """

    name: Literal["aspl"] = "aspl"
    pgd: PGD = Field(default_factory=lambda: PGD(steps=6))
    surrogate: SurrogateTraining = Field(default_factory=SurrogateTraining)
    rounds: int = Field(default=50, ge=1)
    clean_steps: int = Field(default=3, ge=0)
    perturbed_steps: int = Field(default=3, ge=0)

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.rounds * self.pgd.steps

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.protect.surrogate import Surrogate

        surrogate, x = Surrogate(scene.fresh(None), scene, self.surrogate), None
        for turn in range(self.rounds):
            kept = prepared(surrogate, scene, self.clean_steps)
            x = self.pgd.ascend(surrogate.denoising, scene, x, turn)
            surrogate.restore(kept)
            surrogate.learn(x, self.perturbed_steps)
        return x if x is not None else scene.clean


def prepared(surrogate: Surrogate, scene: Scene, clean_steps: int) -> dict[str, dict[str, Tensor]]:
    """Trains the surrogate on the clean photos and returns the weights it had before."""
    kept = surrogate.weights()
    surrogate.learn(scene.reference, clean_steps)
    return kept
