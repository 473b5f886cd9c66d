"""E-ASPL: ASPL against several surrogates at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.protect.aspl import prepared
from staytrue.protect.base import RowLoss, Scene
from staytrue.protect.pgd import PGD
from staytrue.protect.training import SurrogateTraining
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.backbones.base import Backbone
    from staytrue.protect.surrogate import Surrogate


@component
class Easpl:
    """ASPL, with the mean of the losses of several surrogates in place of the one loss.

    x <- ascent of mean_k L_cond(theta'_k, x); each theta_k learns as in ``aspl``.

    Reads the photos, clean reference photos, the backbone, and further checkpoints where they are named. Returns pictures in
    the ball.
    Source: Anti-DreamBooth (arXiv 2303.15433), its ensemble, with Stable Diffusion 1.4, 1.5 and 2.1-base. Differs: its code
    ascends each surrogate on its own from the common photos and averages the pictures; averaging losses (as Dong et al., arXiv
    1710.06081, do) raises all of them at once, and a step of "sign" stays a whole step. Surrogates of the backbone itself
    differ in their noise and, in turn, in whether the text encoder is trained, so that they do not end in the same place;
    those of further checkpoints learn as ``surrogate`` says.
    Known to fail: as ``aspl``; memory and time grow with the number of surrogates.

    Args:
        pgd: the ascent of one round.
        surrogate: how each surrogate learns; every second one of the backbone itself turns its ``text_encoder`` around.
        surrogates: how many of the backbone itself.
        checkpoints: one further surrogate for each: folders, files or hub ids of the same family, seeing pictures of the same
            size.
        rounds: as in ``aspl``.
        clean_steps: as in ``aspl``.
        perturbed_steps: as in ``aspl``.
    """

    name: Literal["easpl"] = "easpl"
    pgd: PGD = Field(default_factory=lambda: PGD(steps=6))
    surrogate: SurrogateTraining = Field(default_factory=SurrogateTraining)
    surrogates: int = Field(default=2, ge=1)
    checkpoints: tuple[str, ...] = ()
    rounds: int = Field(default=50, ge=1)
    clean_steps: int = Field(default=3, ge=0)
    perturbed_steps: int = Field(default=3, ge=0)

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.rounds * self.pgd.steps

    def identity(self, spec: Backbone, class_noun: str) -> list[str]:  # noqa: ARG002
        """The weights of the further checkpoints."""
        from dataclasses import replace

        from staytrue.backbones.identity import backbone_identity

        return [backbone_identity(replace(spec, path=path)) for path in self.checkpoints]  # type: ignore[type-var]

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        members, x = self._members(scene), None
        for turn in range(self.rounds):
            kept = [prepared(member, scene, self.clean_steps) for member in members]
            x = self.pgd.ascend(mean_loss(members), scene, x, turn)
            for member, weights in zip(members, kept, strict=True):
                member.restore(weights)
                member.learn(x, self.perturbed_steps)
        return x if x is not None else scene.clean

    def _members(self, scene: Scene) -> list[Surrogate]:
        from dataclasses import replace

        from staytrue.protect.surrogate import Surrogate

        members = []
        for number, path in enumerate((*([None] * self.surrogates), *self.checkpoints)):
            turned = path is None and number % 2 == 1
            training = replace(self.surrogate, text_encoder=self.surrogate.text_encoder != turned)
            members.append(Surrogate(scene.fresh(path), scene, training, number))
        return members


def mean_loss(members: list[Surrogate]) -> RowLoss:
    """The mean over the surrogates, row by row."""
    import torch

    def loss(pixels: Tensor, rows: list[int], draw: int) -> Tensor:
        return torch.stack([member.denoising(pixels, rows, draw) for member in members]).mean(dim=0)

    return loss
