"""What training did to everything that is not the subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from staytrue.bench.metrics.identity import mean_cosine

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def class_leakage(
    tuned: Float[ndarray, "pictures width"],
    base: Float[ndarray, "pictures width"],
    photos: Float[ndarray, "photos width"],
) -> Float[ndarray, " pictures"]:
    """How far "a dog" became my dog.

    Formula: ``s(x_i) - s(x_i^0)``, s the mean cosine to the subject's held-out photos; x_i and x_i^0 are drawn from the same noise
    and the same prompt without identifier ("a dog"), by the tuned and by the base model.
    Reads: embeddings of the instance judge. Returns: one number per pair in [-2, 2]; 0 is no leakage, below 0 is away from the
    subject.
    Source: the language drift that DreamBooth's prior loss is for (arXiv 2208.12242, section 3.3), measured directly.
    Differs: DreamBooth's PRES (its table 3) measures likeness to the photos without the base model's own.
    Known to fail: a class noun that the base model cannot draw leaks nothing that this could see.
    """
    return mean_cosine(tuned, photos) - mean_cosine(base, photos)


def drift(
    tuned: Float[ndarray, "pictures width"], base: Float[ndarray, "pictures width"]
) -> Float[ndarray, " pictures"]:
    """How far pictures of other classes moved.

    Formula: ``1 - <f(x_i), f(x_i^0)>``, the pair from the same noise and prompt, which names another class.
    Reads: embeddings of CLIP, which see background and style too. Returns: one number per pair in [0, 2]; 0 is unchanged.
    Source: as ``class_leakage``; the other classes stand for everything that the model could draw before.
    Known to fail: it does not ask whether the change is for the worse.
    """
    return 1 - (tuned * base).sum(axis=1)
