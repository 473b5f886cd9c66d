"""PhotoGuard: photos that a model takes for something else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.protect.base import RowLoss, Scene
from staytrue.protect.pgd import PGD
from staytrue.registry import component
from staytrue.runs import fingerprint

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image
    from torch import Tensor

    from staytrue.backbones.base import Backbone
    from staytrue.protect.surrogate import Surrogate


@component
class PhotoGuard:
    """Pulls what the model sees towards a fixed picture.

    encoder:   x = argmin over the ball of |E(x) - E(target)|^2, E the mean of the autoencoder's posterior;
    diffusion: x = argmin over the ball of |f(x) - target|^2, f a short image-to-image edit, decoded.
    The loss is the negative mean square, so that it is raised.

    Reads the photos and the backbone. Returns pictures in the ball.
    Source: Salman et al. (arXiv 2302.06588), the "encoder attack" and the "diffusion attack" of its section 3. Differs: the
    budget is the L-infinity radius for both. Diff-Protect has the encoder form as "texture only".
    Known to fail: made against edits of a picture, it troubles fine-tuning only as far as the autoencoder is fooled; another
    autoencoder is not.

    Args:
        form: "encoder" or "diffusion".
        pgd: the ascent.
        target: a color such as "gray", or a picture's file.
        strength: diffusion form: how much noise the edit mixes in.
        edit_steps: diffusion form: steps of the edit, all of which the gradient passes.
        guidance: diffusion form: of the edit, towards the class caption.
    """

    name: Literal["photoguard"] = "photoguard"
    form: Literal["encoder", "diffusion"] = "encoder"
    pgd: PGD = Field(default_factory=PGD)
    target: str = "gray"
    strength: float = Field(default=0.5, gt=0, le=1)
    edit_steps: int = Field(default=4, ge=1)
    guidance: float = Field(default=7.5, ge=1)

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.pgd.steps

    def require(self, spec: Backbone, class_noun: str) -> None:  # noqa: ARG002
        """Raises ``ConfigError`` where the target is neither a color nor a picture."""
        target_square(self.target, spec.facts().resolution_px)

    def identity(self, spec: Backbone, class_noun: str) -> list[str]:  # noqa: ARG002
        """The target's content, where it is a picture."""
        target = Path(self.target)
        return [fingerprint(target)] if target.is_file() else []

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.protect.surrogate import Surrogate

        surrogate = Surrogate(scene.fresh(None), scene)
        target = target_picture(self.target, scene)
        loss = nearer_latent(surrogate, target) if self.form == "encoder" else self._nearer_edit(surrogate, target)
        return self.pgd.ascend(loss, scene)

    def _nearer_edit(self, surrogate: Surrogate, target: Tensor) -> RowLoss:
        from staytrue.protect.draws import normal
        from staytrue.protect.edit import Edit, edited

        backbone = surrogate.backbone
        edit = Edit(surrogate.scene.class_caption().render(), self.strength, self.edit_steps, self.guidance)

        def loss(pixels: Tensor, rows: list[int], draw: int) -> Tensor:
            with surrogate.exact():
                x0, _ = surrogate.encode(pixels)
                noise = normal(surrogate.seed, rows, draw, "edit", x0.shape[1:]).to(x0)
                seen = (backbone.decode(edited(backbone, x0, noise, edit)).float() + 1) / 2
            return -(seen - target[rows]).square().mean(dim=(1, 2, 3))

        return loss


def nearer_latent(surrogate: Surrogate, target: Float[Tensor, "rows 3 height width"]) -> RowLoss:
    """-|E(x_i) - E(target_i)|^2, mean over the latent."""
    import torch

    with torch.no_grad(), surrogate.exact():
        wanted = torch.cat([surrogate.encode(part)[0] for part in target.split(surrogate.scene.batch)])

    def loss(pixels: Tensor, rows: list[int], draw: int) -> Tensor:  # noqa: ARG001
        with surrogate.exact():
            return -(surrogate.encode(pixels)[0] - wanted[rows]).square().mean(dim=(1, 2, 3))

    return loss


def target_picture(target: str, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
    """``target_square`` at the size of the photos, once a row."""
    from staytrue.images.crop import pixels_pm1

    picture = target_square(target, scene.clean.shape[-1])
    return ((pixels_pm1([picture]) + 1) / 2).to(scene.clean).expand(len(scene.clean), -1, -1, -1)


def target_square(target: str, side_px: int) -> Image.Image:
    """The color, or the picture's center square. Raises ``ConfigError`` for neither."""
    from PIL import Image, ImageColor

    from staytrue.errors import ConfigError, ImageError
    from staytrue.images.crop import fit
    from staytrue.images.decode import decode

    try:
        if Path(target).is_file():
            return fit(decode(Path(target)), side_px)
        return Image.new("RGB", (side_px, side_px), ImageColor.getrgb(target)[:3])
    except ImageError as error:
        raise ConfigError(f"protect.method.target: {target} {error}, or name a color, such as gray") from None
    except ValueError:
        raise ConfigError(f"protect.method.target: {target!r} is neither a color nor a picture's file") from None
