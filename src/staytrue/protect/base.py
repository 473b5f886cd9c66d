"""What a protection may see, and what it must return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from staytrue.types import Caption, Subject

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.backbones.base import Backbone, LoadedBackbone

# pixels in [0, 1] of some rows, which rows they are, and the number of the draw -> one loss per row
RowLoss = Callable[["Tensor", "list[int]", int], "Tensor"]


@dataclass(frozen=True, eq=False)
class Scene:
    """The photos of one subject, and all that a protection may know of the world.

    Attributes:
        clean: the photos, in [0, 1], on the device of the attack.
        reference: clean photos of the same subject for surrogates to learn from; the photos themselves where there are no others.
        subject: gives the class noun, and the identifier that surrogates use.
        radius: how far a value may move, as a share of [0, 1].
        seed: every random number derives from it, from the row and from the draw, so a photo's noise never depends on its company.
        batch: rows at a time; changes memory and speed.
        fresh: an untrained backbone that the caller may train: the run's own (None), or that of another checkpoint.
        spec: that backbone, not loaded, for purifiers that are to be expected; None where a scene is made without one.
        tick: called after every step of an attack.
    """

    clean: Float[Tensor, "rows 3 height width"]
    reference: Float[Tensor, "others 3 height width"]
    subject: Subject
    radius: float
    seed: int
    batch: int
    fresh: Callable[[str | None], LoadedBackbone]
    spec: Backbone | None = None
    tick: Callable[[], None] = lambda: None

    def caption(self) -> Caption:
        """What surrogates call the subject: "a photo of a olis dog"."""
        return Caption(noun=self.subject.class_noun, identifier=self.subject.identifier, style="a photo of")

    def class_caption(self) -> Caption:
        """The same without the identifier."""
        return Caption(noun=self.subject.class_noun, style="a photo of")


class Protection(Protocol):
    """A component that makes photos hard to learn from. Pure: tensors in, tensors out; it knows no paths."""

    @property
    def name(self) -> str: ...

    def gradients(self) -> int:
        """Steps of projected ascent it takes in all, for a progress bar; 0 for none."""
        ...

    def perturb(self, scene: Scene) -> Float[Tensor, "rows 3 height width"]:
        """The photos, each value in [0, 1] and within the radius of the clean one."""
        ...


@runtime_checkable
class Demanding(Protocol):
    """A protection that can say before anything is loaded that something its settings name is not there."""

    def require(self, spec: Backbone, class_noun: str) -> None:
        """Raises the ``StaytrueError`` that ``perturb`` would raise later."""
        ...


@runtime_checkable
class Naming(Protocol):
    """A protection whose settings name files."""

    def identity(self, spec: Backbone, class_noun: str) -> list[str]:
        """Tells their contents from others: a path may hold others tomorrow."""
        ...
