"""Semantic anchor, our reading: the rare concept is learned under the guidance of its frequent counterpart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.objectives.base import Rows, Step
from staytrue.objectives.squares import Frequent, frequent_texts, mean_square, row_weights
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor


@component
class SemanticAnchor:
    """Our reading of semantic anchoring: what the trained network predicts is held to what the frozen one says of the class.

    With x_t a noised latent, c_r the row's caption with the identifier, c_f its frequent counterpart, e the trained and e* the
    frozen network, and w the row's weights:

        A  w_i mean |e(x_t, c_r) - sg e*(x_t, c_f)|^2                                          on subject rows
        B  w_i mean |[e(x_t, c_r) - e(x_t, "")] - sg [e*(x_t, c_f) - e*(x_t, "")]|^2           on subject rows
        C  as A, on class rows: c_f is a class image's caption, c_r the same with the identifier put in
        D  w_i mean |e(x_t, c_f) - sg e*(x_t, c_f)|^2                                          on subject rows

    Beside denoising of the same rows at the same weighting, A with weight L is exactly (1 + L) times denoising toward the target
    (1 - v) target + v e*(x_t, c_f), v = L / (1 + L), plus a constant: for epsilon, velocity and flow alike.

    Reads the step's shared prediction (A, B), further predictions (B, C, D) and the frozen base's. Returns one loss per selected
    row, in [0, inf). Costs one frozen forward pass a step; B two, and a trained one; C and D one, and a trained one. With a
    ``train.noise_pool`` the frozen ones are computed once per draw. A LoRA is its own frozen base; ``full`` keeps a copy.

    Args:
        reading: A, B, C or D. The spec's E is A at another scale: choose the weights. F is A beside ``semantic_ladder``.
        frequent: c_f is the row's own "caption" without the identifier, or plainly "a photo of a [class]".
        weighting: by timestep: "uniform", "min_snr", or "noise" (1 / (1 + SNR)): near t = 0 the frozen network's prediction has
            little to do with the words.
        gamma: cap on the SNR of "min_snr".

    Source: **our reading** of Semantic Anchoring (arXiv 2511.22245), of which no equation could be read; not a reproduction. A
    frozen reference under the class prompt is also in DCO's code (arXiv 2402.12004).

    Known to fail: a large weight pulls the subject toward the average of its class. It needs a class noun the base model knows.
    """

    name: Literal["semantic_anchor"] = "semantic_anchor"
    reading: Literal["A", "B", "C", "D"] = "A"
    frequent: Frequent = "caption"
    weighting: Literal["uniform", "min_snr", "noise"] = "uniform"
    gamma: float = Field(default=5.0, gt=0)

    @property
    def rows(self) -> Rows:
        """Class rows for C, the subject's for the others."""
        return "class" if self.reading == "C" else "subject"

    @property
    def needs(self) -> frozenset[str]:
        """The frozen base, and class rows for C."""
        return frozenset({"frozen_base"} | ({"class_rows"} if self.reading == "C" else set()))

    @property
    def moves_identifier(self) -> bool:
        """Not in D, which asks about the class."""
        return self.reading != "D"

    def __call__(self, step: Step) -> Tensor:
        """One loss per selected row."""
        indices, rows = step.indices(self.rows), step.rows(self.rows)
        texts, nothing = frequent_texts(step, indices, self.frequent), [""] * len(indices)
        target = step.reference(indices, texts)
        if self.reading == "A":
            prediction = step.prediction[rows]
        elif self.reading == "B":
            prediction = step.prediction[rows] - step.under(indices, nothing)
            target = target - step.reference(indices, nothing)
        elif self.reading == "C":
            rare = [step.captions[i].with_identifier(step.subjects[i].identifier).render() for i in indices]
            prediction = step.under(indices, rare)
        else:
            prediction = step.under(indices, texts)
        return row_weights(step, rows, self.weighting, self.gamma) * mean_square(prediction, target)
