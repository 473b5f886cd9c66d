"""Denoising: the loss a diffusion model is trained with, on the rows of one role.

DreamBooth with prior preservation is this objective twice: on the subject's rows, and on the class rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.objectives.base import Step
from staytrue.objectives.squares import mean_square, row_weights
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor


@component
class Denoising:
    """Mean squared error of the prediction, one number per row.

    loss_i = u_i w(t_i) mean_chw (prediction_i - target_i)^2, with u_i the sample's own weight and w the timestep's.

    Reads the step's shared prediction. Returns one loss per selected row, in [0, inf), about 1 for an untrained network.

    Args:
        rows: which rows: "subject", "class" or "all".
        weighting: "uniform" (w = 1), "min_snr", or "noise" (w = 1 / (1 + SNR)).
        gamma: cap on the SNR of "min_snr".

    Source: DreamBooth (arXiv 2208.12242), eq. 1 and, for the class rows, eq. 2; min-SNR: arXiv 2303.09556. The released scripts
    mean over all elements of both halves; with full batches that is the same number.

    Known to fail: nothing in it holds the model to what it knew; few photos and many steps overfit. "min_snr" beside a class
    term of another weighting changes the balance of the two.
    """

    name: Literal["denoising"] = "denoising"
    rows: Literal["subject", "class", "all"] = "subject"
    weighting: Literal["uniform", "min_snr", "noise"] = "uniform"
    gamma: float = Field(default=5.0, gt=0)

    @property
    def needs(self) -> frozenset[str]:
        """Class rows, where those are what it learns from."""
        return frozenset({"class_rows"}) if self.rows == "class" else frozenset()

    @property
    def moves_identifier(self) -> bool:
        """Not on class rows: their captions lack it."""
        return self.rows != "class"

    def __call__(self, step: Step) -> Tensor:
        """One loss per row with the role."""
        rows = step.rows(self.rows)
        error = mean_square(step.prediction[rows], step.noised.target[rows])
        return row_weights(step, rows, self.weighting, self.gamma) * error
