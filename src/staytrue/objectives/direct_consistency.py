"""Direct consistency: the subject is learned only as far as the base model's own error is beaten, as DCO asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from staytrue.objectives.base import Step
from staytrue.objectives.squares import Frequent, frequent_texts, mean_square, row_weights
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor


@component
class DirectConsistency:
    """DCO's loss: a logistic preference for the trained network over the frozen one.

    loss_i = -u_i w(t_i) log sigmoid(-beta ( mean |e(x_t, c_r) - target|^2 - mean |e*(x_t, c_f) - target|^2 ))

    with e the trained and e* the frozen network, the latter under the class prompt. Its gradient is that of denoising, times beta,
    times a gate that closes where the trained network's error is below the frozen one's by more than about 1 / beta.

    Reads the step's shared prediction and one frozen prediction. Returns one loss per subject row, in [0, inf): log 2 where both
    networks err alike. It takes the place of denoising on the subject's rows; beside other terms weigh it about 1 / beta.

    Args:
        beta: how soon the gate closes.
        frequent: c_f is the row's own "caption" without the identifier, or plainly "a photo of a [class]".
        weighting: by timestep, outside of the logarithm: "uniform", "min_snr" or "noise".
        gamma: cap on the SNR of "min_snr".

    Source: Direct Consistency Optimization (arXiv 2402.12004), code kyungmnlee/dco 164ae17, beta 1000.
    Differs from the code: there the two errors are means over the batch, so one hard row gates all of them; here each row has its
    own gate.

    Known to fail: with a rare token and terse captions (the paper asks for comprehensive ones); once the gate has closed, at
    t where the base model errs much, nothing more is learned there.
    """

    rows: ClassVar[str] = "subject"
    needs: ClassVar[frozenset[str]] = frozenset({"frozen_base"})
    moves_identifier: ClassVar[bool] = True

    name: Literal["direct_consistency"] = "direct_consistency"
    beta: float = Field(default=1000.0, gt=0)
    frequent: Frequent = "caption"
    weighting: Literal["uniform", "min_snr", "noise"] = "uniform"
    gamma: float = Field(default=5.0, gt=0)

    def __call__(self, step: Step) -> Tensor:
        """One loss per subject row."""
        from torch.nn.functional import logsigmoid

        indices, rows = step.indices("subject"), step.rows("subject")
        target = step.noised.target[rows]
        reference = step.reference(indices, frequent_texts(step, indices, self.frequent))
        ahead = mean_square(step.prediction[rows], target) - mean_square(reference, target)
        return -row_weights(step, rows, self.weighting, self.gamma) * logsigmoid(-self.beta * ahead)
