"""Guides: what is added to a guided prediction when a picture of a subject is drawn, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from staytrue.generate.sampling import Guide, Named, Request
from staytrue.generate.subject_guidance import SubjectGuidance
from staytrue.generate.word_guidance import WordGuidance
from staytrue.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone


class Guidance(Protocol):
    """A component that steers the drawing of a trained model, without training."""

    @property
    def name(self) -> str:
        """Its name in configuration."""
        ...

    @property
    def weight(self) -> float:
        """How strongly; 0 is as if it were not there."""
        ...

    def texts(self, named: Named) -> list[str]:
        """What it asks a network beside the prompts, of a picture of these subjects."""
        ...

    def guide(self, personalized: LoadedBackbone, untrained: Callable[[], LoadedBackbone]) -> Guide:
        """What ``draw`` adds to its predictions.

        Args:
            personalized: the network that draws.
            untrained: loads the base model; called by a guide that asks it.
        """
        ...


GUIDES: Registry[Guidance] = Registry("guides", SubjectGuidance, WordGuidance)


def together(
    guides: Iterable[Guidance], personalized: LoadedBackbone, untrained: Callable[[], LoadedBackbone]
) -> Guide | None:
    """The sum of all that have a weight; None where none has."""
    import torch

    asked = [one.guide(personalized, untrained) for one in guides if one.weight]
    if not asked:
        return None

    def guide(requests: Sequence[Request]) -> Callable[[Tensor, Tensor], Tensor]:
        steps = [one(requests) for one in asked]
        return lambda latents, t: torch.stack([step(latents, t) for step in steps]).sum(0)

    return guide
