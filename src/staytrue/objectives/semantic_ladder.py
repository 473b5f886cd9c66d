"""Semantic ladder, our reading: the subject's direction leans to its frequent neighbors and away from other classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from staytrue.errors import ConfigError
from staytrue.objectives.base import Step
from staytrue.objectives.squares import Frequent, row_weights
from staytrue.registry import component
from staytrue.types import Caption, Subject, is_person, lives

if TYPE_CHECKING:
    from torch import Tensor


@component
class SemanticLadder:
    """Our reading F of semantic anchoring: a contrastive term over guidance directions.

    With d(c) = e(x_t, c) - e(x_t, "") flattened, d of the trained and d* of the frozen network, c_r the row's caption, and c_f the
    same scene with noun f in place of the subject:

        loss_i = w_i -log [ sum_{f in P} exp(cos(d(c_r), sg d*(c_f)) / tau) / sum_{f in P or N} exp(cos(d(c_r), sg d*(c_f)) / tau) ]

    P is the ladder of the subject's frequent neighbors (dog, pet, animal), N other frequent classes. The whole of F is denoising,
    ``semantic_anchor`` (reading A) and this, as three terms.

    Reads the step's shared prediction, one further trained prediction, and 1 + |P| + |N| frozen ones per row (once per draw with a
    ``train.noise_pool``). Returns one loss per subject row, in [0, inf): log(1 + |N| / |P|) where all are equally near.

    Args:
        neighbors: P; None means class noun, vague class noun, and of the living "animal", of people "person". Of things no word is
            above all: "object" is rarely said of them, and the miniature does not know it.
        others: N; what is also in P is left out of it.
        temperature: tau.
        frequent: whose scene c_f has: the row's own "caption", or "class": "a photo of a [f]".
        weighting: by timestep: "uniform", "min_snr" or "noise".
        gamma: cap on the SNR of "min_snr".

    Source: **our reading** of a one-paragraph summary of Semantic Anchoring (arXiv 2511.22245), whose text could not be read.
    Differs from the spec: only guidance directions, no pooled features of the network's middle.

    Known to fail: near t = 0, where directions are small and mostly noise (hence ``weighting``); with words in P or N that the base
    model does not know.
    """

    rows: ClassVar[str] = "subject"
    needs: ClassVar[frozenset[str]] = frozenset({"frozen_base"})
    moves_identifier: ClassVar[bool] = True

    name: Literal["semantic_ladder"] = "semantic_ladder"
    neighbors: tuple[str, ...] | None = Field(default=None, min_length=1)
    others: tuple[str, ...] = Field(default=("car", "chair", "flower", "house", "cup", "boat"), min_length=1)
    temperature: float = Field(default=0.1, gt=0)
    frequent: Frequent = "caption"
    weighting: Literal["uniform", "min_snr", "noise"] = "uniform"
    gamma: float = Field(default=5.0, gt=0)

    def nouns(self, subject: Subject) -> tuple[list[str], list[str]]:
        """P and N of a subject. Raises ``ConfigError`` where nothing is left of N."""
        above = "person" if is_person(subject) else "animal"
        derived = (subject.class_noun, subject.class_noun_vague or "", above if lives(subject) else "")
        near = [noun for noun in dict.fromkeys(self.neighbors or derived) if noun]
        far = [noun for noun in dict.fromkeys(self.others) if noun not in near]
        if not far:
            raise ConfigError(
                f"semantic_ladder: all of `others` {self.others} are neighbors of {subject.class_noun!r} too"
            )
        return near, far

    def texts(self, subjects: Sequence[Subject]) -> list[str]:
        """P and N of all subjects."""
        return [noun for subject in subjects for part in self.nouns(subject) for noun in part]

    def __call__(self, step: Step) -> Tensor:
        """One loss per subject row."""
        import torch

        indices, rows = step.indices("subject"), step.rows("subject")
        nothing = [""] * len(indices)
        own = (step.prediction[rows] - step.under(indices, nothing)).float().flatten(1)
        sets = [self.nouns(step.subjects[i]) for i in indices]
        asked = [
            (i, self._text(step, i, noun)) for i, pair in zip(indices, sets, strict=True) for s in pair for noun in s
        ]
        frozen = step.reference([i for i, _ in asked], [text for _, text in asked])
        empty = step.reference(indices, nothing).float().flatten(1)
        losses, start = [own.new_zeros(0)], 0
        for row, (near, far) in enumerate(sets):
            directions = frozen[start : start + len(near) + len(far)].float().flatten(1) - empty[row]
            logits = torch.cosine_similarity(own[row : row + 1], directions, dim=1) / self.temperature
            losses.append((logits.logsumexp(0) - logits[: len(near)].logsumexp(0))[None])
            start += len(directions)
        return row_weights(step, rows, self.weighting, self.gamma) * torch.cat(losses)

    def _text(self, step: Step, index: int, noun: str) -> str:
        """The row's scene, or a plain photo, with another noun in place of the subject."""
        if self.frequent == "class":
            return Caption(noun=noun, style="a photo of", suffix=step.captions[index].suffix).render()
        return step.frequent(index).with_noun(noun).render()
