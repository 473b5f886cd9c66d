"""Word guidance, ours: what a prompt's words do to the class in the untrained model, they do to the subject when it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from staytrue.registry import component
from staytrue.types import Caption

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone
    from staytrue.generate.sampling import Guide, Request


@component
class WordGuidance:
    """Adds to each prediction for a subject what the prompt's other words change in the untrained model.

    With e~ the guided prediction of the personalized network, e* the untrained one, p the prompt without the identifier, and f
    "a photo of" the class:

        e = e~ + weight (e*(x_t, p) - e*(x_t, f))

    For models that are trained already, with any adapter, and have lost words: nothing is trained. A step takes four rows a
    picture instead of two, and the untrained model lies in memory a second time.

    Args:
        weight: how strongly; 1 is what the words do to the class, without classifier-free guidance.

    Source: ours, the ``semantic_delta`` objective at sampling. Near it: semantic guidance (Brack et al. 2023, arXiv 2301.12247)
    adds differences of predictions of one network; DCO's reward guidance (Lee et al. 2024, arXiv 2402.12004) takes all words from
    the untrained model and the subject from the trained one.

    Known to fail: where the words were kept (``staytrue``) it has nothing to give back; the subject fades a little with every
    word that is heard (docs/log.md). Where the class, drawn as the prompt says, looks unlike the subject in pose.
    """

    weight: float = Field(default=1.0, gt=0)

    def beside(self, untrained: LoadedBackbone) -> Guide:
        """What ``draw`` adds to its predictions.

        Args:
            untrained: the base model, as loaded.

        Returns:
            From a batch of requests to a function of its latents (rows, channels, height, width), as the network is given them, and
            the timestep; zero in rows of requests that name no subject.
        """
        import torch

        def guide(requests: Sequence[Request]) -> Callable[[Tensor, Tensor], Tensor]:
            named = [number for number, request in enumerate(requests) if request.named]
            texts = [requests[n].plain for n in named] + [_class_alone(requests[n]) for n in named]
            different = sorted(set(texts))
            states = untrained.encode_text(different)[[different.index(text) for text in texts]] if named else None

            def step(latents: Tensor, t: Tensor) -> Tensor:
                added = torch.zeros_like(latents)
                if states is not None:
                    rows = torch.cat([latents[named]] * 2).to(states.dtype)
                    asked, alone = untrained.unet(rows, t, encoder_hidden_states=states).sample.float().chunk(2)
                    added[named] = self.weight * (asked - alone)
                return added

            return step

        return guide


def _class_alone(request: Request) -> str:
    """Such as "a photo of a dog"; of several subjects "a photo of a dog and a cat"."""
    return "a photo of " + " and ".join(Caption(noun=noun).render() for _, noun in request.named)
