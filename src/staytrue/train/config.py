"""The settings of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from staytrue.adapters import ADAPTERS, Full
from staytrue.generate.prompts import OTHER
from staytrue.generate.sampling import Sampling
from staytrue.objectives import OBJECTIVES, Denoising
from staytrue.objectives.base import WordedObjective
from staytrue.registry import component
from staytrue.train.every import Every, steps_of
from staytrue.train.noisy import NoisyCopies
from staytrue.train.select import Select
from staytrue.types import Subject, with_suffix

if TYPE_CHECKING:
    AnyAdapter = Any
    AnyObjective = Any
else:
    AnyAdapter, AnyObjective = ADAPTERS.union(), OBJECTIVES.union()


@component
class Weighted:
    """A term of the loss.

    Args:
        weight: of the mean of its losses; 0 drops the term.
        objective: what computes them.
    """

    weight: float = Field(default=1.0, ge=0)
    objective: AnyObjective


@component
class Previews:
    """Pictures drawn while training, on fixed seeds, one grid per time.

    Args:
        every: how often, such as "100 steps"; None for never.
        prompts: ``{}`` stands for the subject's phrase, such as "olis dog"; they end with ``generate.suffix``, which is added where
            it is not there.
        seeds: pictures per prompt and subject.
        sampling: how they are drawn. Where it names no negative prompt, or no TEA, it has that of ``generate.sampling``.
    """

    every: Every | None = None
    prompts: tuple[str, ...] = ("a photo of a {}", "a {} on the beach")
    seeds: tuple[int, ...] = (0, 1)
    sampling: Sampling = Field(default_factory=Sampling)

    def asked_as(self, suffix: str, sampling: Sampling) -> Previews:
        """The same, asked with the words that the run's pictures will be asked with."""
        prompts = tuple(p if suffix and p.endswith(suffix) else with_suffix(p, suffix) for p in self.prompts)
        return replace(self, prompts=prompts, sampling=self.sampling.asked_as(sampling))


def dreambooth_objectives() -> dict[str, Weighted]:
    """DreamBooth's loss: denoising on the subject's rows, and, as prior preservation, on the class rows."""
    return {
        "class": Weighted(objective=Denoising(rows="class")),
        "subject": Weighted(objective=Denoising(rows="subject")),
    }


@component
class Train:
    """What is trained, on what loss, for how long.

    Args:
        adapter: which weights change.
        objectives: name -> weighted objective; summed in the order of their names.
        steps: optimizer updates.
        learning_rate: peak, constant after the warm-up.
        token_learning_rate: of a trained token row; None means ``learning_rate``.
        text_encoder_learning_rate: of the text encoder where it trains; None means ``learning_rate``.
        batch: subject rows per micro-batch.
        class_rows: class rows beside them.
        accumulation: micro-batches per optimizer update.
        warmup_steps: updates of linear rise from 0.
        weight_decay: AdamW's; a token row has none.
        max_grad_norm: gradients are scaled down to this joint norm; None for never.
        ema: decay of the moving average that is exported instead of the last weights; None for none.
        checkpoint_every: how often the state is saved to resume from.
        keep_state: whether the state after the last step is kept, too (a full one of float32 is three times the weights): the
            same run with more ``steps`` then goes on from there, and equals one that had them from the start. Not with ``select``.
        previews: pictures drawn while training.
        select: which checkpoint is kept, and when training stops; None keeps the last. Holds one photo of each subject out.
        adjective_dropout: probability that an adjective of a caption is left out, each independently, each time it is read.
        background_dropout: probability that a photo's caption leaves its background out, each time it is read. With a background in
            every caption a subject is learned together with one, and kept less well by prompts that name none. A caption that is a
            finished sentence (written by hand, or by BLIP) stays as it is.
        subject_suffix: what every caption of a subject ends with, such as "with olis noisy pattern": contrastive decoupling lets
            the noise of protected photos have a name of its own.
        class_suffix: the same for class images, such as "without olis noisy pattern"; they are drawn without it.
        noisy: a copy of each photo with random noise, under another ending of its caption; None for none.
        noise_pool: how many draws of (crop, latent, noise, t) each row has, which come back in turn; 0 for a fresh draw each time.
            With a pool the frozen base's predictions are computed once per draw and caption, and kept.
        crop_range: side of the random crop of a photo as a share of its shorter side, least and most; (1, 1) is the center crop.
            Class images keep their center crop: there are enough of them, and their layouts are the base's.
        crop_variants: different random crops kept of each photo.
        cache_latents: whether the crops are encoded once instead of at each step. Changes speed, never a result.
        stored_latents: whether a class image that the trained model drew itself is trained on as the very latent it was decoded
            from. Off, since that is not what the encoder makes of the picture (docs/log.md); what the encoder makes is kept
            for later runs anyway.
        dtype: "float32"; "bfloat16" computes in it, with float32 weights; "auto" is bfloat16 where the device is fast at it.
        gradient_checkpointing: trade a third of the speed for memory.
    """

    adapter: AnyAdapter = Field(default_factory=Full)
    objectives: dict[str, Weighted] = Field(default_factory=dreambooth_objectives)
    steps: int = Field(default=400, ge=1)
    learning_rate: float = Field(default=5e-6, gt=0)
    token_learning_rate: float | None = Field(default=None, gt=0)
    text_encoder_learning_rate: float | None = Field(default=None, gt=0)
    batch: int = Field(default=1, ge=1)
    class_rows: int = Field(default=1, ge=0)
    accumulation: int = Field(default=1, ge=1)
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: float | None = Field(default=1.0, gt=0)
    ema: float | None = Field(default=None, gt=0, lt=1)
    checkpoint_every: Every = "100 steps"
    keep_state: bool = False
    previews: Previews = Field(default_factory=Previews)
    select: Select | None = None
    adjective_dropout: float = Field(default=0.0, ge=0, le=1)
    background_dropout: float = Field(default=0.0, ge=0, le=1)
    subject_suffix: str = ""
    class_suffix: str = ""
    noisy: NoisyCopies | None = None
    noise_pool: int = Field(default=0, ge=0)
    crop_range: tuple[float, float] = (1.0, 1.0)
    crop_variants: int = Field(default=4, ge=1)
    cache_latents: bool = True
    stored_latents: bool = False
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_checkpointing: bool = False

    @field_validator("crop_range")
    @classmethod
    def _within_the_photo(cls, shares: tuple[float, float]) -> tuple[float, float]:
        if not 0 < shares[0] <= shares[1] <= 1:
            raise ValueError("the least and the most are shares above 0 and up to 1, in this order")
        return shares

    @field_validator("objectives")
    @classmethod
    def _columns_of_their_own(cls, objectives: dict[str, Weighted]) -> dict[str, Weighted]:
        if taken := sorted({"step", "learning_rate"} & objectives.keys()):
            raise ValueError(
                f"an objective cannot be called {taken[0]}, as another column of the curve is; name it otherwise"
            )
        return objectives

    @model_validator(mode="after")
    def _goes_together(self) -> Train:
        if self.select and self.keep_state:
            raise ValueError(
                "keep_state goes on with more steps, and select scores the last step too, so more steps would be another"
                " training; set train.keep_state=false or train.select=null"
            )
        if self.select and self.select.every and steps_of(self.select.every) % steps_of(self.checkpoint_every):
            raise ValueError(
                f"only checkpoints are scored, so select.every ({self.select.every}) must be a multiple of checkpoint_every"
                f" ({self.checkpoint_every}); set train.checkpoint_every to {self.select.every}, too"
            )
        watched = {"previews": self.previews.prompts, "select": self.select.prompts if self.select else ()}
        if paired := [name for name, prompts in watched.items() if any(OTHER in prompt for prompt in prompts)]:
            raise ValueError(f"the prompts of {paired[0]} are of one subject each; two go into generate.prompts")
        return self

    def texts(self, subjects: Sequence[Subject]) -> list[str]:
        """What training itself adds to the words of captions: suffixes, words of objectives, and what it draws."""
        terms = [term.objective for term in self.objectives.values() if term.weight]
        asked = [text for term in terms if isinstance(term, WordedObjective) for text in term.texts(subjects)]
        drawn = [*self.previews.prompts, self.previews.sampling.negative] if self.previews.every else []
        select = self.select
        drawn += [*select.prompts, select.sampling.negative, select.suffix or ""] if select else []
        endings = [self.subject_suffix, self.class_suffix, *([self.noisy.suffix] if self.noisy else [])]
        return [*endings, *asked, *(prompt.replace("{}", "") for prompt in drawn)]
