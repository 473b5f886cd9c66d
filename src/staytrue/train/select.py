"""Which checkpoint is kept: the settings, and the rule as plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from staytrue.generate.sampling import Sampling
from staytrue.registry import component
from staytrue.train.every import Every


@dataclass(frozen=True)
class Candidate:
    """One row of ``4-training/selection.jsonl``.

    Attributes:
        step: updates done; 0 is the base model, asked without the identifier: a yardstick, never chosen.
        identity: mean cosine of the pictures and the held-out photo of their subject.
        alignment: mean cosine of the pictures and their prompts, the identifier taken out.
        seconds: that drawing, scoring and keeping took.
        training_seconds: that training took since the row before, or since it was resumed.
    """

    step: int
    identity: float
    alignment: float
    seconds: float = 0.0
    training_seconds: float = 0.0


@component
class Select:
    """Keeps the best of the checkpoints, and stops when it has passed.

    Formula: with I_k the identity and A_k the alignment at checkpoint k, A_0 the base model's,

        k* = argmax of I_k over the k with A_k >= A_0 - margin;  where there is none, argmax of A_k,

    the earlier of two equals. Training ends when ``patience`` checkpoints in a row were not better than the best before them.
    What it reads: pictures of its own prompts on fixed seeds, by the model's own CLIP (the miniature's two towers; else
    OpenAI's), and one photo of each subject that is held out of training: never judges, photos or prompts of a benchmark.
    Source: ours; the papers choose steps by looking at pictures (Ruiz et al. 2208.12242; ClassDiffusion 2405.17532).
    Known to fail: one photo is one pose: identity favors pictures like it; a near-duplicate of it among the others makes
    copying look like likeness. A few pictures measure small differences badly: a lead below some 0.01 is noise.
    With five photos a fifth of the data is not trained on. On a full-size model the default CLIP is also the default judge of
    ``clip_i`` and ``clip_t``, which are then no independent evidence for the choice; ``dino`` is.

    Attributes:
        every: how often, in whole multiples of ``train.checkpoint_every``; None is as often as ``scored.LIMIT`` of the time of
            training allows, and no more often than there are checkpoints. The last step's is always scored.
        prompts: ``{}`` stands for the subject's phrase. Several subjects share them.
        seeds: pictures per prompt.
        sampling: how they are drawn; few steps, since only differences between checkpoints count. Where it names no negative
            prompt, or no TEA, it has that of ``generate.sampling``.
        suffix: what the trained model's prompts end with; None is ``generate.suffix``.
        rule: "identity" as above; "sum" is argmax of I_k + A_k, which asks no margin.
        margin: how far below the base model's the alignment may be, in cosine.
        patience: checkpoints without a better one until training stops; None never stops.
        checkpoint: folder or hub id of a CLIP; "auto" is the miniature's own for the miniature, else OpenAI's ViT-B/32.
    """

    every: Every | None = None
    prompts: tuple[str, ...] = Field(
        default=(
            "a photo of a {} on a white background",
            "a {} in a flower garden",
            "a {} in the rain",
            "a cartoon of a {}",
        ),
        min_length=1,
    )
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    sampling: Sampling = Field(default_factory=lambda: Sampling(steps=8, guidance=5.0, solver="dpm++"))
    suffix: str | None = None
    rule: Literal["identity", "sum"] = "identity"
    margin: float = Field(default=0.02, ge=0, le=2)
    patience: int | None = Field(default=2, ge=1)
    checkpoint: str = "auto"

    def shared(self, place: int, subjects: int) -> tuple[str, ...]:
        """The prompts of one of several subjects: they are dealt out, so that two cost what one costs; each has one at least."""
        return self.prompts[place::subjects] or (self.prompts[place % len(self.prompts)],)

    def pictures(self, subjects: int) -> int:
        """How many a candidate takes."""
        return max(len(self.prompts), subjects) * len(self.seeds)

    def asked_as(self, suffix: str, sampling: Sampling) -> Select:
        """The same, asked with the words that the run's pictures will be asked with, where it has no words of its own."""
        words = suffix if self.suffix is None else self.suffix
        return replace(self, suffix=words, sampling=self.sampling.asked_as(sampling))

    def best(self, base: Candidate, tried: Sequence[Candidate]) -> Candidate:
        """The one to keep. It changes only to the newest, so that one set of weights is all that must be kept."""
        return max(tried, key=lambda one: self._rank(base, one))  # max keeps the first of equals

    def passed(self, base: Candidate, tried: Sequence[Candidate]) -> bool:
        """Whether the best has passed."""
        if self.patience is None or not tried:
            return False
        return len(tried) - 1 - tried.index(self.best(base, tried)) >= self.patience

    def floor(self, base: Candidate) -> float | None:
        """The least alignment that is allowed; None where the rule has none."""
        return base.alignment - self.margin if self.rule == "identity" else None

    def _rank(self, base: Candidate, one: Candidate) -> tuple[bool, float]:
        floor = self.floor(base)
        if floor is None:
            return True, one.identity + one.alignment
        within = one.alignment >= floor
        return within, one.identity if within else one.alignment
