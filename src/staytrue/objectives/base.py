"""What an objective may see, and what it must return."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from staytrue.types import Caption, Frame, Role, Subject

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from staytrue.diffusion.noised import Noised

Rows = Literal["subject", "class", "all", "none"]


class Predictor(Protocol):
    """The narrow view of a backbone and its adapter that a step hands on."""

    def predict(self, noised: Noised, condition: Tensor) -> Tensor:
        """The trained network's prediction, with gradient."""

    def encode_text(self, texts: list[str]) -> Tensor:
        """Token states (rows, tokens, width), with gradient where the text side is trained."""

    def frozen(self) -> AbstractContextManager[Any]:
        """Inside it ``predict`` and ``encode_text`` are those of the untrained base, without gradient."""


@dataclass(frozen=True, eq=False)
class Step:
    """One micro-batch, noised once, with one shared forward pass: all that an objective may see.

    Attributes:
        captions: of the rows, after adjective dropout, in slots.
        texts: the captions as sentences: what ``condition`` encodes.
        roles: "subject" or "class", one per row.
        subjects: the subject each row shows, or for whose class it was made.
        weights: (rows,) each sample's own weight.
        noised: the noised latents with their target.
        condition: (rows, tokens, width) the encoded texts.
        predictor: predicts and encodes; used through the methods below.
        generator: makes a ``torch.Generator`` for a purpose, the same for the same step of the same run.
        frames: of the rows: which part of its picture each is. Each row's own, class rows' too: what SDXL is conditioned on.
    """

    captions: tuple[Caption, ...]
    texts: tuple[str, ...]
    roles: tuple[Role, ...]
    subjects: tuple[Subject, ...]
    weights: Tensor
    noised: Noised
    condition: Tensor
    predictor: Predictor
    generator: Callable[[str], torch.Generator]
    frames: tuple[Frame, ...] = ()

    @cached_property
    def prediction(self) -> Tensor:
        """The trained network's prediction for every row; computed once, however many objectives read it."""
        return self.predict(self.noised, self.condition)

    def predict(self, noised: Noised, condition: Tensor) -> Tensor:
        """A further prediction, for an objective that asks about other inputs."""
        return self.predictor.predict(noised, condition)

    def encode_text(self, texts: list[str]) -> Tensor:
        """Token states of further texts."""
        return self.predictor.encode_text(texts)

    def frozen(self) -> AbstractContextManager[Any]:
        """Inside it ``predict`` and ``encode_text`` are those of the untrained base. Needs ``frozen_base``."""
        return self.predictor.frozen()

    def rows(self, rows: Rows) -> Tensor:
        """Indices of the rows with a role, on the latents' device."""
        import torch

        chosen = [i for i, role in enumerate(self.roles) if rows in ("all", role)]
        return torch.tensor(chosen, dtype=torch.long, device=self.weights.device)


class Objective(Protocol):
    """One term of the training loss.

    A component with two facts about itself. ``rows``: the role of the rows it returns losses for, or "none" for a term without
    rows. ``needs``: what must be there: "class_rows" (rows with role "class"), "frozen_base" (``step.frozen()``),
    "trainable_phrase" (something trains that can move the subject's phrase: the text encoder or a token row).
    """

    rows: Rows
    needs: frozenset[str]

    def __call__(self, step: Step) -> Tensor:
        """One loss per row it selected, or shape (1,) for a term without rows. Never reduces, weights or logs."""
