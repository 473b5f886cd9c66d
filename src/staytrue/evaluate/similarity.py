"""The arithmetic that DINO and CLIP-I share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from staytrue.evaluate.base import Judged


def mean_cosine_to_photos(encoder: Any, pictures: Sequence[Judged]) -> list[float]:
    """``mean_j cos(e(x_i), e(r_j))`` over the reference photos r_j of each picture x_i, in [-1, 1].

    The mean of these over all pictures is the mean over all pairs, as DreamBooth defines DINO and CLIP-I.
    """
    embeddings = encoder.images([p.image for p in pictures])
    scores = []
    for picture, embedding in zip(pictures, embeddings, strict=True):
        scores.append(float((encoder.images(list(picture.photos)) @ embedding).mean()))
    return scores
