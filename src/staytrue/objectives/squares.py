"""What objectives on predictions share: a squared error per row, and a row's weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from staytrue.objectives.base import Step
from staytrue.types import Caption

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.diffusion.weights import Weighting

Frequent = Literal["caption", "class"]


def mean_square(one: Tensor, two: Tensor) -> Tensor:
    """mean_chw (one_i - two_i)^2, one number per row, in float32."""
    return (one.float() - two.float()).square().flatten(1).mean(dim=1)


def row_weights(step: Step, rows: Tensor, weighting: Weighting = "uniform", gamma: float = 5.0) -> Tensor:
    """u_i w(t_i): each row's own weight times its timestep's."""
    from staytrue.diffusion.weights import by_time

    return step.weights[rows] * by_time(step.noised.select(rows), weighting, gamma)


def frequent_texts(step: Step, indices: list[int], frequent: Frequent) -> list[str]:
    """The frequent counterpart c_f of each row's rare text.

    "caption": the row's own caption without the identifier, so scene and suffix are the same on both sides.
    "class": "a photo of a [class noun]", with the row's suffix.
    """
    if frequent == "caption":
        return [step.frequent(i).render() for i in indices]
    rows = [(step.subjects[i].class_noun, step.captions[i].suffix) for i in indices]
    return [Caption(noun=noun, style="a photo of", suffix=suffix).render() for noun, suffix in rows]
