"""Subject guidance, ours: more of what makes it this one, when it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.generate.difference import class_alone, difference, subject_alone
from staytrue.registry import component

if TYPE_CHECKING:
    from staytrue.backbones.base import LoadedBackbone
    from staytrue.generate.sampling import Guide, Named


@component
class SubjectGuidance:
    """Adds to each prediction for a subject what the identifier changes in a prompt that says nothing else.

    With e the personalized network and e~ its guided prediction, s "a photo of" the subject and f of the class, both in one place:

        e' = e~ + weight (e(x_t, s) - e(x_t, f))

    The subject gets a guidance of its own, beside the one of the whole prompt, and so can be asked for more strongly than the
    words. Nothing is trained, and no second model is needed; a step takes four rows a picture instead of two.

    Attributes:
        weight: how strongly; 1 is what the identifier does to the class, without classifier-free guidance.
        place: what both texts end with. Without one the photos' own grounds are part of what the identifier changes, and come
            into pictures whose prompts name none.

    Source: ours. Near it: mixed sampling adds the prompt with the subject and the same with its class, each against the empty one
    (Soboleva and Nakhodnov 2025, arXiv 2502.05895, a comparison); subject-agnostic guidance (Chan et al. 2024, arXiv
    2405.01356) lets the class lead the first steps; personalization guidance (Park et al. 2025, arXiv 2508.00319) puts a less
    trained model's empty prompt in the negative one's place. All these trade the subject for words, or words for the subject.

    Known to fail: where a prompt asks for another color or shape than the photos', since these are what makes it this one. Where
    the class has become the subject (no class images), both texts say the same. Of protected photos it strengthens what else the
    word has learned.
    """

    name: Literal["subject"] = "subject"
    weight: float = Field(default=0.0, ge=0)
    place: str = "on a white background"

    def texts(self, named: Named) -> list[str]:
        """The subject alone, then the class alone, in the same place."""
        return [f"{alone(named)} {self.place}".strip() for alone in (subject_alone, class_alone)]

    def guide(self, personalized: LoadedBackbone, untrained: Callable[[], LoadedBackbone]) -> Guide:  # noqa: ARG002
        """Asks the network that draws for the subject alone and for the class alone."""
        return difference(personalized, self.weight, lambda r: self.texts(r.named)[0], lambda r: self.texts(r.named)[1])
