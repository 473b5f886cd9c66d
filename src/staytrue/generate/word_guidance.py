"""Word guidance, ours: what a prompt's words do to the class in the untrained model, they do to the subject when it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.generate.difference import class_alone, difference
from staytrue.registry import component

if TYPE_CHECKING:
    from staytrue.backbones.base import LoadedBackbone
    from staytrue.generate.sampling import Guide, Named


@component
class WordGuidance:
    """Adds to each prediction for a subject what the prompt's other words change in the untrained model.

    With e~ the guided prediction of the personalized network, e* the untrained one, p the prompt without the identifier, and f
    "a photo of" the class:

        e = e~ + weight (e*(x_t, p) - e*(x_t, f))

    For models that are trained already, with any adapter, and have lost words: nothing is trained. A step takes four rows a
    picture instead of two, and the untrained model lies in memory a second time.

    Attributes:
        weight: how strongly; 1 is what the words do to the class, without classifier-free guidance.

    Source: ours, the ``semantic_delta`` objective at sampling. Near it: semantic guidance (Brack et al. 2023, arXiv 2301.12247)
    adds differences of predictions of one network; DCO's reward guidance (Lee et al. 2024, arXiv 2402.12004) takes all words from
    the untrained model and the subject from the trained one.

    Known to fail: where the words were kept (``staytrue``) it has nothing to give back; the subject fades a little with every
    word that is heard (docs/log.md). Where the class, drawn as the prompt says, looks unlike the subject in pose.
    """

    name: Literal["words"] = "words"
    weight: float = Field(default=0.0, ge=0)

    def texts(self, named: Named) -> list[str]:
        """The class alone."""
        return [class_alone(named)]

    def guide(self, personalized: LoadedBackbone, untrained: Callable[[], LoadedBackbone]) -> Guide:  # noqa: ARG002
        """Asks the untrained model for the plain prompt and for the class alone."""
        return difference(
            untrained(), self.weight, lambda request: request.plain, lambda request: class_alone(request.named)
        )
