"""What a prior set is: a plan of class images, made before any is drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from staytrue.backbones import BACKBONES
from staytrue.types import Caption, Facts, Slot, Subject

if TYPE_CHECKING:
    from staytrue.backbones.base import Backbone
    from staytrue.generate.sampling import Sampling
    from staytrue.regularize.clip_filter import ClipFilter

if TYPE_CHECKING:
    AnyBackbone: TypeAlias = Any
else:
    AnyBackbone = BACKBONES.union()


@dataclass(frozen=True)
class Brief:
    """What a plan is made from.

    Attributes:
        subject: for whose class.
        captions: of the subject's photos.
        facts: of the backbone that will draw, whose words the captions should use.
        seed: of the run.
        everyone: all subjects of the run, none of whom a class image may name; photos of one may show others.
    """

    subject: Subject
    captions: tuple[Caption, ...]
    facts: Facts
    seed: int
    everyone: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class Planned:
    """One class image to come.

    Attributes:
        caption: what it will show.
        seed: to draw it with.
        file: the user's own picture, where there is nothing to draw.
        trained_as: what it is trained with; None is ``caption``.
    """

    caption: Caption
    seed: int = 0
    file: Path | None = None
    trained_as: Caption | None = None


class PriorSet(Protocol):
    """A component that plans the class images of one subject. Pure: the same brief gives the same plan."""

    @property
    def name(self) -> str: ...

    def plan(self, brief: Brief) -> list[Planned]:
        """The class images, in order. A larger set of the same settings begins with the smaller one."""
        ...


@runtime_checkable
class DrawnPriorSet(Protocol):
    """A prior set whose images are drawn, and so says by what.

    Attributes:
        generator: the backbone that draws; None is the one being trained.
        sampling: how it draws.
    """

    @property
    def generator(self) -> Any: ...

    @property
    def sampling(self) -> Sampling: ...


@runtime_checkable
class WordedPriorSet(Protocol):
    """A prior set whose captions say more than the class."""

    def slots(self, subject: Subject) -> frozenset[Slot]:
        """What its captions may fill beside noun and background, for a subject."""
        ...


@runtime_checkable
class FilteredPriorSet(Protocol):
    """A prior set that may have pictures drawn again.

    Attributes:
        filter: which ones; None keeps all.
    """

    @property
    def filter(self) -> ClipFilter | None: ...


@runtime_checkable
class GuardedPriorSet(Protocol):
    """A prior set that can say which conditions it was allowed to speak of."""

    def conditions(self, facts: Facts) -> dict[str, Any]:
        """For the stage's manifest."""
        ...


def drawer_of(prior_set: PriorSet, backbone: Backbone) -> Backbone:
    """Who draws the class images: the generator that the prior set names, else the backbone that is trained."""
    named: Backbone | None = prior_set.generator if isinstance(prior_set, DrawnPriorSet) else None
    return named or backbone


def image_seed(seed: int, index: int) -> int:
    """The seed of one class image, 32 bits, independent of how many there are."""
    return int.from_bytes(hashlib.sha256(f"class image {seed} {index}".encode()).digest()[:4], "big")


def another_seed(seed: int, attempt: int) -> int:
    """The seed of a picture's next attempt, after ``attempt`` were dropped; 0 is the first, ``seed`` itself."""
    if attempt == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"class image again {seed} {attempt}".encode()).digest()[:4], "big")


def default_count(facts: Facts, real: int) -> int:
    """How many images where the user does not say: 300 for the miniature, ``real`` for other backbones."""
    return 300 if facts.is_miniature else real
