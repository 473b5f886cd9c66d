"""What an objective may see, and what it must return."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from staytrue.types import Caption, Frame, Pooling, Role, Subject

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

    def pooled_text(self, texts: list[str], pooling: Pooling = "eos", identifiers: Sequence[str] = ()) -> Tensor:
        """One feature per text (rows, width), with gradient where the text side is trained."""

    def displacement(self) -> Tensor:
        """Squared distance (shape ()) of all trained weights from where they began, with gradient."""

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
        everyone: all subjects of the run, also those that no row shows; empty means those of the rows.
        draws: of each row, which (latent, noise, t) of a finite pool it is; empty where every draw is fresh.
        references: what ``reference`` has computed; outlives the step where draws come back.
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
    everyone: tuple[Subject, ...] = ()
    draws: tuple[Hashable, ...] = ()
    references: dict[Hashable, Tensor] = field(default_factory=dict)
    _under: dict[Hashable, Tensor] = field(default_factory=dict)
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

    def pooled_text(self, texts: list[str], pooling: Pooling = "eos", identifiers: Sequence[str] = ()) -> Tensor:
        """One feature per text: the state at its end, or where ClassDiffusion's code looks ("released")."""
        return self.predictor.pooled_text(texts, pooling, identifiers)

    def displacement(self) -> Tensor:
        """Squared distance of all trained weights from where they began. Needs ``initial_weights``."""
        return self.predictor.displacement()

    def frozen(self) -> AbstractContextManager[Any]:
        """Inside it ``predict`` and ``encode_text`` are those of the untrained base. Needs ``frozen_base``."""
        return self.predictor.frozen()

    def rows(self, rows: Rows) -> Tensor:
        """Indices of the rows with a role, on the latents' device."""
        return self._tensor(self.indices(rows))

    def indices(self, rows: Rows) -> list[int]:
        """The same as plain numbers."""
        return [i for i, role in enumerate(self.roles) if rows in ("all", role)]

    def frequent(self, index: int) -> Caption:
        """A row's caption with class nouns alone, also for other subjects in it: the untrained base knows none of them."""
        mine = self.subjects[index]
        caption = self.captions[index].without_identifier(mine.identifier)
        return caption.without([one for one in self.everyone if one != mine])

    def under(self, indices: Sequence[int], texts: Sequence[str]) -> Tensor:
        """The trained network's prediction of rows under other texts; computed once, however many objectives ask."""
        key = (tuple(indices), tuple(texts))
        if key not in self._under:
            noised = self.noised.select(self._tensor(indices))
            self._under[key] = self.predict(noised, self.encode_text(list(texts))) if indices else noised.target
        return self._under[key]

    def reference(self, indices: Sequence[int], texts: Sequence[str]) -> Tensor:
        """The untrained base's prediction of rows under other texts, without gradient. Needs ``frozen_base``.

        Computed once per step, however many objectives ask; where draws come from a pool, once per draw, each alone, so that a
        resumed training computes the same bits.
        """
        import torch

        if not indices:
            return self.noised.target[:0]
        keys = [(self.draws[i] if self.draws else i, text) for i, text in zip(indices, texts, strict=True)]
        missing = [n for n, key in enumerate(keys) if key not in self.references and key not in keys[:n]]
        for group in [[n] for n in missing] if self.draws else [missing] * bool(missing):
            noised = self.noised.select(self._tensor([indices[n] for n in group]))
            with self.frozen():
                predicted = self.predict(noised, self.encode_text([texts[n] for n in group]))
            self.references.update((keys[n], row) for n, row in zip(group, predicted, strict=True))
        return torch.stack([self.references[key] for key in keys])

    def _tensor(self, indices: Sequence[int]) -> Tensor:
        import torch

        return torch.tensor(indices, dtype=torch.long, device=self.weights.device)


class Objective(Protocol):
    """One term of the training loss.

    A component with three facts about itself. ``rows``: the role of the rows it returns losses for, or "none" for a term without
    rows. ``needs``: what must be there: "class_rows" (rows with role "class"), "class_style", "class_adjectives" or
    "class_details" (such whose captions say what the photos' do not), "frozen_base" (``step.frozen()``),
    "trainable_phrase" (something trains that can move the subject's phrase: the text encoder or a token row), "initial_weights"
    (``step.displacement()``: a copy of what is trained, as it began). ``moves_identifier``: whether the identifier's token row gets
    a gradient: not where the trained network is asked without the identifier, since then a row that trains alone learns nothing.
    """

    rows: Rows
    needs: frozenset[str]
    moves_identifier: bool

    def __call__(self, step: Step) -> Tensor:
        """One loss per row it selected, or shape (1,) for a term without rows. Never reduces, weights or logs."""


@runtime_checkable
class WordedObjective(Protocol):
    """An objective that asks about words which no caption need have."""

    def texts(self, subjects: Sequence[Subject]) -> list[str]:
        """These words, for the subjects of a run."""
        ...
