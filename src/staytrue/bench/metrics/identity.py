"""Is it this subject?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def mean_cosine(
    pictures: Float[ndarray, "pictures width"], photos: Float[ndarray, "photos width"]
) -> Float[ndarray, " pictures"]:
    """Likeness of each picture to a subject's photos.

    Formula: ``s_i = mean_j <e(x_i), e(r_j)>`` over the photos r_j; e has length 1.
    Reads: embeddings of the instance judge (``identity_heldout``, ``identity_train``) or of CLIP (``clip_i_heldout``). With
    pictures of the subject drawn as the prompt asks in place of photos, it is ``identity_asked`` (``bench/asked_for.py``).
    Returns: one number per picture in [-1, 1]; higher is more alike.
    Source: Ruiz et al. 2023 (DreamBooth), section 4.1, DINO and CLIP-I; their mean over all pairs is the mean of these.
    Differs: held-out photos and photos trained on are scored apart. The papers compare with the latter only, which also rewards
    copying them.
    Known to fail: photos that differ much among themselves pull the best possible score below 1. Photos show no red robot, so
    ``identity_heldout`` pays those who ignore "red"; ``identity_asked`` does not, but one uniformly red thing is much like another
    (benchmarks/results/ideal).
    """
    return (pictures @ photos.T).mean(axis=1)


def recall_at_1(
    pictures: Float[ndarray, "pictures width"],
    own: Float[ndarray, "photos width"],
    others: Sequence[Float[ndarray, "photos width"]],
) -> Float[ndarray, " pictures"]:
    """Whether each picture is nearer to its own subject than to every other one of its class.

    Formula: ``1[s_own > max_k s_k]``, s the mean cosine to the held-out photos of a subject.
    Reads: embeddings of the instance judge. Returns: 1.0 or 0.0 per picture; a tie is not found. NaN where there is no other
    subject to be mistaken for, and such subjects count in no mean.
    Source: retrieval's recall at 1, of the picture among the subjects of its class. No paper on personalization has it in this
    form: a mean cosine rises when a picture is more like *any* dog, this one only when it is more like *this* dog.
    Known to fail: chance is 1 / (1 + others), which differs between subjects; so compare recipes on the same subjects only.
    """
    if not others:
        return np.full(len(pictures), np.nan)
    nearest = np.max([mean_cosine(pictures, photos) for photos in others], axis=0)
    return (mean_cosine(pictures, own) > nearest).astype(np.float64)
