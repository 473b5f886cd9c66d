"""Output preservation: asked for the class, the trained network answers as the frozen one would."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from staytrue.objectives.base import Step
from staytrue.objectives.squares import Frequent, frequent_texts, mean_square, row_weights
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor


@component
class OutputPreservation:
    """Differential output preservation: on the subject's own noised latents, the class prompt's prediction stays.

    loss_i = u_i w(t_i) mean |e(x_t, c_f) - sg e*(x_t, c_f)|^2, e the trained and e* the frozen network.

    Reads one further trained prediction and one frozen one. Returns one loss per subject row, in [0, inf): 0 before training. It
    never asks about the subject's own phrase. The same formula as ``semantic_anchor``'s reading D, under the name users know.

    Args:
        frequent: c_f is the row's own "caption" without the identifier, or plainly "a photo of a [class]".
        weighting: by timestep: "uniform", "min_snr" or "noise".
        gamma: cap on the SNR of "min_snr".

    Source: no paper; "diff_output_preservation" of the trainer ai-toolkit, after its documentation.
    Differs: each row has its own weight; works beside any other term, and over full fine-tuning as well as LoRA.

    Known to fail: nothing holds the subject's phrase itself. An extra trained forward pass makes a step about twice as long.
    """

    rows: ClassVar[str] = "subject"
    needs: ClassVar[frozenset[str]] = frozenset({"frozen_base"})
    moves_identifier: ClassVar[bool] = False

    name: Literal["output_preservation"] = "output_preservation"
    frequent: Frequent = "class"
    weighting: Literal["uniform", "min_snr", "noise"] = "uniform"
    gamma: float = Field(default=5.0, gt=0)

    def __call__(self, step: Step) -> Tensor:
        """One loss per subject row."""
        indices, rows = step.indices("subject"), step.rows("subject")
        texts = frequent_texts(step, indices, self.frequent)
        error = mean_square(step.under(indices, texts), step.reference(indices, texts))
        return row_weights(step, rows, self.weighting, self.gamma) * error
