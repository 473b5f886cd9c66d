"""Are both subjects of a two-subject prompt there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def both_found(
    left: Float[ndarray, "windows width"],
    right: Float[ndarray, "windows width"],
    first: Float[ndarray, "photos width"],
    second: Float[ndarray, "photos width"],
) -> float:
    """Likeness of a picture to two subjects at once, each in its own half.

    Formula: ``max over (a, b) in {(first, second), (second, first)} of min(max_l s_a(l), max_r s_b(r))``, with l and r windows of
    the left and of the right half, and s the mean cosine to a subject's held-out photos.
    Reads: embeddings of the instance judge. Returns: a number in [-1, 1]: the likeness of the subject that is less there.
    Source: the two-subject protocol of Custom Diffusion (Kumari et al., arXiv 2212.04488, section 4.2) takes the mean of both
    likenesses of the *whole* picture, which one subject alone can raise; minimum and halves are ours.
    Known to fail: subjects one above the other, and the second subject's likeness to the first (two dogs) counts as present.
    """
    near = {
        (side, who): float(np.max((windows @ photos.T).mean(axis=1)))
        for side, windows in (("left", left), ("right", right))
        for who, photos in (("first", first), ("second", second))
    }
    straight = min(near["left", "first"], near["right", "second"])
    return max(straight, min(near["left", "second"], near["right", "first"]))
