"""Weight anchor: the trained weights stay near where they began."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from staytrue.objectives.base import Step
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor


@component
class WeightAnchor:
    """Squared L2 distance of the trained weights from their initial values.

    loss = ||theta - theta_0||^2, summed over everything that is trained; for a low-rank update W + s B A that is ||s B A||_F^2, the
    distance of the weights it stands for, and not of A from its random start.

    Reads no rows. Returns shape (1,), in [0, inf): 0 at the first step.

    Source: Preserve and Personalize (arXiv 2505.19519), L + lambda ||theta - theta_0||^2; its lambda could not be read. How it
    treats low-rank updates could not be read either: what is above is ours. It is part of the loss, so AdamW rescales it like
    every gradient; decoupled decay toward theta_0 would be another method.

    Known to fail: a sum over millions of weights is large or small with their number: search the weight anew for every adapter.
    Costs a copy of what is trained (none for low-rank updates). Text and image suffer alike: it knows no words.
    """

    rows: ClassVar[str] = "none"
    needs: ClassVar[frozenset[str]] = frozenset({"initial_weights"})
    moves_identifier: ClassVar[bool] = True

    name: Literal["weight_anchor"] = "weight_anchor"

    def __call__(self, step: Step) -> Tensor:
        """One number, shape (1,)."""
        return step.displacement().reshape(1)
