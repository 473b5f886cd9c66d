"""The adaptive attack: it knows the purifier that will be used against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from staytrue.protect.base import Scene
from staytrue.protect.pgd import PGD
from staytrue.protect.training import SurrogateTraining
from staytrue.purify import PURIFIERS
from staytrue.purify.jpeg import Jpeg
from staytrue.registry import component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.backbones.base import Backbone
    from staytrue.purify.base import Cleaner

    AnyPurifier = Any
else:
    AnyPurifier = PURIFIERS.union()

SECTION = "protect.method.purifier"


@component
class Adaptive:
    """Raises the loss on what is left after the purifier.

    x = argmax over the ball of E_{t, e, chance of P} L_cond(theta, P(x)); backward, P is the identity (BPDA); the expectation
    is a mean over ``pgd.draws`` (EOT), each with chances of its own, the purifier's among them. theta is the untouched model (as in
    AdvDM), or one trained on purified clean photos (as in FSMG).

    Reads the photos, the backbone and the purifier, which may be any function from picture to picture (``perturb_against``).
    Returns pictures in the ball.
    Source: Athalye et al. (arXiv 1802.00420), sections 4.1 and 4.2. DiffShortcut (arXiv 2406.18944) reports one adaptive
    attack, "AdvDM-style" through the sampling of its purifier, 6 steps, 16/255, with no code; ours needs no gradient of the
    purifier, so it is the same for all of them.
    Known to fail: where a purifier redraws the photo rather than filters it, the identity says little about its gradient. A
    purifier that withstands this attack is not proven safe.

    Args:
        purifier: that is expected.
        pgd: the ascent; its ``draws`` are the EOT samples.
        surrogate: how the surrogate learns.
        surrogate_steps: on purified clean photos; 0 attacks the untouched model.
    """

    name: Literal["adaptive"] = "adaptive"
    purifier: AnyPurifier = Field(default_factory=Jpeg)
    pgd: PGD = Field(default_factory=lambda: PGD(draws=2))
    surrogate: SurrogateTraining = Field(default_factory=SurrogateTraining)
    surrogate_steps: int = Field(default=0, ge=0)

    def gradients(self) -> int:
        """Steps of ascent."""
        return self.pgd.steps

    def require(self, spec: Backbone, class_noun: str) -> None:
        """Raises ``StaytrueError`` where the purifier's files are lacking."""
        from staytrue.purify.base import require
        from staytrue.purify.tools import Tools

        require(self.purifier, Tools(spec, class_noun=class_noun, section=SECTION))

    def identity(self, spec: Backbone, class_noun: str) -> list[str]:
        """The purifier's weights."""
        from staytrue.purify.base import identity
        from staytrue.purify.tools import Tools

        return identity(self.purifier, Tools(spec, class_noun=class_noun, section=SECTION))

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The attacked photos."""
        from staytrue.diffusion.randomness import derived_seed
        from staytrue.purify.base import cleaner
        from staytrue.purify.tools import Tools

        device, noun = str(scene.clean.device), scene.subject.class_noun
        tools = Tools(scene.spec, device, scene.seed, noun, section=SECTION)
        return self._against(
            scene, lambda draw: cleaner(self.purifier, replace(tools, seed=derived_seed(scene.seed, "eot", draw)))
        )

    def perturb_against(self, scene: Scene, purify: Cleaner) -> Float[Tensor, "rows 3 height width"]:
        """The same against any purifier, given as a function; one that is random should draw anew at each call."""
        return self._against(scene, lambda _: purify)

    def _against(self, scene: Scene, purifier: Callable[[int], Cleaner]) -> Float[Tensor, "rows 3 height width"]:
        """The ascent against a purifier as each draw meets it, by the draw's number."""
        from staytrue.protect.surrogate import Surrogate
        from staytrue.protect.transforms import straight_through

        surrogate = Surrogate(scene.fresh(None), scene, self.surrogate)
        if self.surrogate_steps:
            surrogate.learn(straight_through(purifier(-1))(scene.reference), self.surrogate_steps)
        caption = scene.caption() if self.surrogate_steps else scene.class_caption()

        def loss(x: Tensor, rows: list[int], draw: int) -> Tensor:
            return surrogate.denoising(straight_through(purifier(draw))(x), rows, draw, caption)

        return self.pgd.ascend(loss, scene)
