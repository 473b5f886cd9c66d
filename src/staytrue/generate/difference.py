"""The difference that some words make to one network's prediction: what guides add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from staytrue.generate.sampling import Guide, Named, Request
from staytrue.types import Caption

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone

Words = Callable[[Request], str]


def difference(network: LoadedBackbone, weight: float, more: Words, less: Words) -> Guide:
    """A guide that adds weight (e(x_t, more) - e(x_t, less)), for two rows a picture and step.

    Args:
        network: whose prediction e is.
        weight: of the difference.
        more: of a request that names a subject, the text with the words in question.
        less: the text without them.

    Returns:
        From a batch of requests to a function of its latents (rows, channels, height, width), as the network is given them, and the
        timestep; zero in rows of requests that name no subject.
    """
    import torch

    def guide(requests: Sequence[Request]) -> Callable[[Tensor, Tensor], Tensor]:
        named = [number for number, request in enumerate(requests) if request.named]
        texts = [words(requests[n]) for words in (more, less) for n in named]
        different = sorted(set(texts))
        states = network.encode_text(different)[[different.index(text) for text in texts]] if named else None

        def step(latents: Tensor, t: Tensor) -> Tensor:
            added = torch.zeros_like(latents)
            if states is not None:
                rows = torch.cat([latents[named]] * 2).to(states.dtype)
                with_words, without = network.unet(rows, t, encoder_hidden_states=states).sample.float().chunk(2)
                added[named] = weight * (with_words - without)
            return added

        return step

    return guide


def class_alone(named: Named) -> str:
    """Such as "a photo of a dog"; of several subjects "a photo of a dog and a cat"."""
    return "a photo of " + " and ".join(Caption(noun=noun).render() for _, noun in named)


def subject_alone(named: Named) -> str:
    """Such as "a photo of a olis dog"; of several "a photo of a olis dog and a sks cat"."""
    captions = (Caption(noun=noun, identifier=identifier) for identifier, noun in named)
    return "a photo of " + " and ".join(caption.render() for caption in captions)
