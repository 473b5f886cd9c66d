"""Is everything there that was asked for, each by itself?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def found(
    pictures: Float[ndarray, "pictures width"],
    asked: Float[ndarray, " width"],
    others: Float[ndarray, "others width"],
) -> Float[ndarray, " pictures"]:
    """Whether a judge that must choose one wording for a picture chooses the one that was asked for.

    Formula: ``1[<f(x_i), g(asked)> > max_k <f(x_i), g(other_k)>]``.
    Reads: CLIP's embeddings. ``others`` are the same prompt with one thing exchanged for each alternative: a crown for every
    other accessory and for none, the background for every other background, the class noun for every other noun. So only that
    one thing is in question. Returns: 1.0 or 0.0 per picture; a tie is not found.
    ``composition`` is the product over the conditions asked and the class noun.
    Source: zero-shot classification, Radford et al. 2021 (arXiv 2103.00020), section 3.1, with the prompt as its template. The
    papers report only CLIP-T, which a picture can raise by the background alone.
    Known to fail: where the judge itself cannot tell the alternatives apart; ``foundry/REPORT.md`` has its accuracy by kind.
    """
    best = (pictures @ others.T).max(axis=1) if len(others) else np.full(len(pictures), -np.inf)
    return (pictures @ asked > best).astype(np.float64)
