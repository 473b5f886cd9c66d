"""Glaze-style: photos that a model takes for a painting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.protect.base import Scene
from staytrue.protect.pgd import PGD
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.protect.surrogate import Surrogate


@component
class Glaze:
    """Pulls the latent of each photo towards the latent of the same photo repainted in another style.

    x = argmin over the ball of |E(x) - E(T(c))|^2, T(c) the clean photo after an image-to-image edit "[style] of a [noun]", E
    the mean of the autoencoder's posterior. The loss is the negative mean square, so that it is raised.

    Reads the photos, the class noun and the backbone. Returns pictures in the ball.
    Source: Shan et al. (arXiv 2302.04222), section 5, the computation of a style cloak. The tool itself is closed. Differs:
    the paper bounds LPIPS by a penalty, ours is the L-infinity radius that all protections here share; the paper picks a style
    far from the artist's among many, ours is a setting.
    Known to fail: made for artists' styles, not for subjects; the target is only as good as the backbone's edit; another
    autoencoder is not fooled.

    Args:
        pgd: the ascent.
        style: what the photo is repainted as.
        strength: how much noise the edit mixes in; the larger, the less of the photo remains in the target.
        edit_steps: of the edit.
        guidance: of the edit.
    """

    name: Literal["glaze"] = "glaze"
    pgd: PGD = Field(default_factory=PGD)
    style: str = Field(default="an oil painting of", min_length=1)
    strength: float = Field(default=0.6, gt=0, le=1)
    edit_steps: int = Field(default=20, ge=1)
    guidance: float = Field(default=7.5, ge=1)

    def texts(self) -> list[str]:
        """The words of its settings."""
        return [self.style]

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.pgd.steps

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.protect.photoguard import nearer_latent
        from staytrue.protect.surrogate import Surrogate

        surrogate = Surrogate(scene.fresh(None), scene)
        return self.pgd.ascend(nearer_latent(surrogate, self.repainted(surrogate)), scene)

    def repainted(self, surrogate: Surrogate) -> Float[Tensor, "rows 3 height width"]:
        """The targets: every clean photo in the other style, in [0, 1]."""
        from dataclasses import replace

        import torch

        from staytrue.protect.draws import normal
        from staytrue.protect.edit import Edit, edited

        scene, backbone, done = surrogate.scene, surrogate.backbone, []
        text = replace(scene.class_caption(), style=self.style).render()
        edit = Edit(text, self.strength, self.edit_steps, self.guidance)
        with torch.no_grad(), surrogate.exact():
            for start in range(0, len(scene.clean), scene.batch):
                rows = list(range(start, min(start + scene.batch, len(scene.clean))))
                x0, _ = surrogate.encode(scene.clean[rows])
                noise = normal(surrogate.seed, rows, 0, "style", x0.shape[1:]).to(x0)
                done.append(backbone.decode(edited(backbone, x0, noise, edit)).float())
        return ((torch.cat(done) + 1) / 2).clamp(0, 1)
