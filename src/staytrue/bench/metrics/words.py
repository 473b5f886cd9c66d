"""What training did to the subject's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def phrase_distance(
    phrase: Float[ndarray, "rows width"], anchor: Float[ndarray, "rows width"]
) -> Float[ndarray, " rows"]:
    """How far the subject's phrase lies from its class in text space.

    Formula: ``1 - cos(E("a photo of a [V] dog"), E_0("a photo of a dog"))``, E the text feature at the text's end after training,
    E_0 the base model's. Returns: numbers in [0, 2].
    Source: the semantic drift of ClassDiffusion (arXiv 2405.17532, its figure 3a), after training instead of as a loss.
    Known to fail: it is the same number at all steps where neither text encoder nor token row trains.
    """
    both = (phrase * anchor).sum(axis=1)
    return 1 - both / (np.linalg.norm(phrase, axis=1) * np.linalg.norm(anchor, axis=1))


def class_attention(tuned: Sequence[float], base: Sequence[float]) -> Float[ndarray, " rows"]:
    """How much of its attention to the class noun the denoiser has kept.

    Formula: ``a / a_0``, the probability on the noun's tokens, of the tuned model under "a photo of a [V] dog" and of the base
    model under "a photo of a dog", on the same noised photo. Returns: numbers of at least 0; about 1 is unchanged: the identifier
    takes some of it.
    Source: ClassDiffusion (arXiv 2405.17532, its figure 3b) shows maps of it; that it is a mean over all layers, heads and places,
    and a ratio, is our reading.
    Known to fail: attention says where information could come from, not what is made of it.
    """
    return np.asarray(tuned, dtype=np.float64) / np.asarray(base, dtype=np.float64)
