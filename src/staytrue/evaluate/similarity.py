"""The arithmetic that DINO, CLIP-I and the face score share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from staytrue.errors import ImageError
from staytrue.evaluate.base import Judged

if TYPE_CHECKING:
    from torch import Tensor


def mean_cosine_to_photos(encoder: Any, pictures: Sequence[Judged]) -> list[float]:
    """``mean_j cos(e(x_i), e(r_j))`` over the reference photos r_j of each picture x_i, in [-1, 1].

    The mean of these over all pictures is the mean over all pairs, as DreamBooth defines DINO and CLIP-I. Photos in which the
    encoder finds nothing (an embedding of length 0: no face) are left out.

    Raises:
        ImageError: it finds nothing in any of them.
    """
    embeddings = encoder.images([p.image for p in pictures])
    references: dict[tuple[int, ...], Any] = {}  # hundreds of pictures share a few photos
    scores = []
    for picture, embedding in zip(pictures, embeddings, strict=True):
        key = tuple(map(id, picture.photos))
        if key not in references:
            references[key] = _found(encoder.images(list(picture.photos)))
        scores.append(float((references[key] @ embedding).mean()))
    return scores


def _found(rows: Tensor) -> Tensor:
    found = rows[rows.any(dim=1)]
    if not len(found):
        raise ImageError(
            f"no face is found in any of the {len(rows)} photos to compare with: use some that show it large and from the front,"
            " or leave evaluate.metrics.face out"
        )
    return found
