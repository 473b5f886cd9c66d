"""Do the pictures of one prompt differ?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def diversity(pictures: Float[ndarray, "pictures width"]) -> Float[ndarray, " pictures"]:
    """Mean distance of each picture to the other pictures of its prompt.

    Formula: ``d_i = mean_{j != i} (1 - <f(x_i), f(x_j)>)``; the mean over i is the mean over all pairs.
    Reads: embeddings of CLIP for the pictures of one prompt. Returns: one number per picture in [0, 2]; NaN for a lone picture.
    Source: DreamBooth's DIV (arXiv 2208.12242, table 3) with CLIP in place of LPIPS: on pictures of 64 px LPIPS sees mostly edges.
    Known to fail: broken pictures differ, too. Read it beside ``composition``.
    """
    count = len(pictures)
    if count < 2:
        return np.full(count, np.nan)
    distances = 1 - pictures @ pictures.T
    np.fill_diagonal(distances, 0)
    return distances.sum(axis=1) / (count - 1)
