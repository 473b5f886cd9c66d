"""MetaCloak-style: against every stage of a training, and under transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from staytrue.protect.base import RowLoss, Scene
from staytrue.protect.pgd import PGD
from staytrue.protect.training import SurrogateTraining, scaled
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.protect.surrogate import Surrogate, Weights


@component
class MetaCloak:
    """Attacks snapshots of a whole training, which go on learning from the attacked photos, under random transformations.

    Pool: theta_0, theta_i, theta_2i ... of one training on the clean photos.
    For each trial, each theta of the pool, ``advances`` times:
        x <- ascent of E_g L_cond(theta, g(x)) within the ball, g a random Gaussian blur and mirror;
        theta <- theta trained on x, ``advance_steps`` steps.

    Reads the photos, clean reference photos of the subject, and the backbone. Returns pictures in the ball.
    Source: Liu et al. (arXiv 2311.13127), its meta-learning over a trajectory, and its released settings: 1,000 steps, a
    snapshot every 200, 2 steps an advance, 6 steps of ascent, 4 trials, blur of 7 px. Differs: its code advances each snapshot
    100 times in each trial (interval / advance steps); ours 5 times by default, which is a twentieth of the work. The pool is
    trained on ``reference``. Saving does not truncate (see ``pgd.quantized``).
    Known to fail: a strong purifier is no blur; what survives blurring is coarse, and easier to see.

    Args:
        pgd: the ascent of one advance.
        surrogate: how the surrogate learns.
        trajectory_steps: of the training whose snapshots are attacked; None is 1,000, and 200 for the miniature.
        snapshots: how many, evenly spaced, beginning with the untrained model.
        trials: times the pool is gone through.
        advances: ascents on each snapshot in a trial.
        advance_steps: training steps on the attacked photos after each ascent.
        blur_px: side of the blur's kernel, odd; 0 for none.
        mirror: probability of mirroring.
    """

    name: Literal["metacloak"] = "metacloak"
    pgd: PGD = Field(default_factory=lambda: PGD(steps=6))
    surrogate: SurrogateTraining = Field(default_factory=SurrogateTraining)
    trajectory_steps: int | None = Field(default=None, ge=1)
    snapshots: int = Field(default=5, ge=1)
    trials: int = Field(default=4, ge=1)
    advances: int = Field(default=5, ge=1)
    advance_steps: int = Field(default=2, ge=0)
    blur_px: int = Field(default=7, ge=0)
    mirror: float = Field(default=0.5, ge=0, le=1)

    @field_validator("blur_px")
    @classmethod
    def _odd_or_none(cls, value: int) -> int:
        if value and value % 2 == 0:
            raise ValueError("the side of a kernel must be odd, or 0 for no blur")
        return value

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.trials * self.snapshots * self.advances * self.pgd.steps

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.protect.surrogate import Surrogate

        surrogate, x, turn = Surrogate(scene.fresh(None), scene, self.surrogate), None, 0
        pool, loss = self._trajectory(surrogate), self._transformed_loss(surrogate)
        for _ in range(self.trials):
            for weights in pool:
                surrogate.restore(weights)
                for _ in range(self.advances):
                    x = self.pgd.ascend(loss, scene, x, turn)
                    surrogate.learn(x, self.advance_steps)
                    turn += 1
        return x if x is not None else scene.clean

    def _trajectory(self, surrogate: Surrogate) -> list[Weights]:
        whole = self.trajectory_steps or int(scaled(surrogate.backbone.facts, 1000, 200))
        pool = [surrogate.weights()]
        for number in range(1, self.snapshots):
            surrogate.learn(surrogate.scene.reference, whole * number // self.snapshots - surrogate.learned)
            pool.append(surrogate.weights())
        return pool

    def _transformed_loss(self, surrogate: Surrogate) -> RowLoss:
        from staytrue.protect.transforms import transformed

        def loss(pixels: Tensor, rows: list[int], draw: int) -> Tensor:
            seen = transformed(pixels, (surrogate.seed, rows, draw), self.blur_px, self.mirror)
            return surrogate.denoising(seen, rows, draw)

        return loss
