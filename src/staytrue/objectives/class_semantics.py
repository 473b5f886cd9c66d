"""Class semantics: the subject's phrase stays near its class in text space, as ClassDiffusion asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from staytrue.objectives.base import Step
from staytrue.registry import component
from staytrue.types import Caption, Pooling, Subject

if TYPE_CHECKING:
    from torch import Tensor


@component
class ClassSemantics:
    """ClassDiffusion's semantic preservation loss: one minus the cosine of two pooled text features.

    loss = 1/n sum_s [1 - cos(E("[style] a [identifier_s] [noun_s]"), sg E("[style] a [noun_s]"))], over the n subjects of the run,
    whichever of them the micro-batch shows; E is the trained text encoder's feature at the end of the text.

    Reads texts only, no rows. Returns shape (1,), in [0, 2].

    Args:
        pooling: "eos", as the paper says; or "released", exactly what its code computes: the state at the largest token id, which
            is the identifier itself where that is a newly added token (the class noun, which comes after it, then has no effect),
            with the identifier's position embedding left out.
        style: the words before the noun phrase.

    Source: ClassDiffusion (arXiv 2405.17532), the semantic preservation loss of its method section; code
    Rbrq03/ClassDiffusion 06a1d2e, utils/semantic_preservation_loss.py.
    Differs from the code: the class branch is detached (there no gradient reaches it either: it zeroes all rows but the new
    token's); the class noun's article fits. Its reconstruction loss is about four times a mean square, so its weight of 1 is
    about 0.25 here. Where the identifier is an old word of the vocabulary, "released" differs from "eos" only through the missing
    position.

    Known to fail: where nothing that trains can move the phrase (a ConfigError). It moves only the text side, on one template: a
    denoiser may drift all the same. Needs a clear class noun.
    """

    rows: ClassVar[str] = "none"
    needs: ClassVar[frozenset[str]] = frozenset({"trainable_phrase"})
    moves_identifier: ClassVar[bool] = True

    name: Literal["class_semantics"] = "class_semantics"
    pooling: Pooling = "eos"
    style: str = "a photo of"

    def texts(self, subjects: Sequence[Subject]) -> list[str]:  # noqa: ARG002
        """The words before the noun phrase."""
        return [self.style]

    def __call__(self, step: Step) -> Tensor:
        """One number, shape (1,)."""
        import torch

        subjects = step.everyone or tuple(dict.fromkeys(step.subjects))
        frequent = [Caption(noun=s.class_noun, style=self.style) for s in subjects]
        rare = [c.with_identifier(s.identifier).render() for c, s in zip(frequent, subjects, strict=True)]
        identifiers = [s.identifier for s in subjects]
        with torch.no_grad():
            anchors = step.pooled_text([c.render() for c in frequent], self.pooling, identifiers)
        phrases = step.pooled_text(rare, self.pooling, identifiers)
        return (1 - torch.cosine_similarity(phrases.float(), anchors.float(), dim=1)).mean(dim=0, keepdim=True)
