"""The sum of objectives: the only place where losses are weighted and reduced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from staytrue.errors import ConfigError, StaytrueError
from staytrue.objectives.base import Objective, Step
from staytrue.types import Role

if TYPE_CHECKING:
    from torch import Tensor


class Term(Protocol):
    """A weighted objective, as ``train.config.Weighted`` is."""

    @property
    def weight(self) -> float: ...

    @property
    def objective(self) -> Objective: ...


@dataclass(frozen=True)
class Composed:
    """L = sum over terms, in sorted order of their names, of weight * (mean of the objective's losses over the window).

    The window is all micro-batches of one optimizer update, so accumulation changes nothing but memory. A term of weight 0 is as
    absent as one never given.

    Args:
        terms: name -> weight and objective.
    """

    terms: Mapping[str, Term]

    def active(self) -> dict[str, Term]:
        """The terms that count, in the order they are summed."""
        return {name: self.terms[name] for name in sorted(self.terms) if self.terms[name].weight != 0}

    def needs(self) -> frozenset[str]:
        """What the active terms need, together."""
        return frozenset().union(*(term.objective.needs for term in self.active().values()))

    def counts(self, window: Sequence[Sequence[Role]]) -> dict[str, int]:
        """How many losses each term returns over a window, given the roles of the rows of each micro-batch."""
        return {name: sum(_count(t.objective, roles) for roles in window) for name, t in self.active().items()}

    def __call__(self, step: Step, counts: Mapping[str, int]) -> tuple[Tensor, dict[str, Tensor]]:
        """One micro-batch's share of the window's loss.

        Args:
            step: the micro-batch.
            counts: of the whole window, from ``counts``.

        Returns:
            The share to call ``backward`` on (summed over the window it is L), and each term's share of its mean, detached.

        Raises:
            StaytrueError: an objective returned another number of losses than it has rows.
        """
        total, means = step.weights.new_zeros(()), {}
        for name, term in self.active().items():
            losses = term.objective(step)
            expected = _count(term.objective, step.roles)
            if losses.shape != (expected,):
                raise StaytrueError(
                    f"objective {name!r} returned losses of shape {tuple(losses.shape)} for {expected} rows;"
                    " it must return one per row it selected, unreduced"
                )
            if expected == 0:
                continue
            mean = losses.sum() / counts[name]
            means[name] = mean.detach()
            total = total + term.weight * mean
        return total, means


def check_needs(composed: Composed, available: frozenset[str]) -> None:
    """Raises ``ConfigError`` if a term needs what this run does not have. Called before weights load."""
    structured = "regularize.name=structured, regularize.captions=asked"
    remedies = {
        "class_rows": "class images: choose a `regularize` set other than none, and train.class_rows above 0",
        "class_style": f"class images with other styles than the photos: {structured}, regularize.styled above 0",
        "class_adjectives": f"class images with other adjectives than the photos: {structured}, regularize.stated above 0,"
        " train.adjective_dropout below 1",
        "class_details": f"class images with accessories or motions: {structured}, regularize.stated above 0,"
        " for things regularize.accessories above 0",
        "frozen_base": "the untrained model beside the trained one, which this adapter does not keep",
        "trainable_phrase": "something that can move the subject's phrase: train.adapter.text_encoder or .token = true",
        "initial_weights": "the trained weights as they began, which this run does not keep",
    }
    if not composed.active():
        raise ConfigError("train.objectives: there is no objective with a weight other than 0, so nothing to learn")
    for name, term in composed.active().items():
        for need in sorted(term.objective.needs - available, key=lambda need: (need != "class_rows", need)):
            without = f"; to do without it: train.objectives.{name}.weight=0"
            raise ConfigError(f"train.objectives.{name} needs {remedies.get(need, need)}{without}")


def _count(objective: Objective, roles: Sequence[Role]) -> int:
    if objective.rows == "none":
        return 1
    return sum(objective.rows in ("all", role) for role in roles)
