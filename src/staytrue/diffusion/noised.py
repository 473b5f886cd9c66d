"""What a noise process makes of a batch of clean latents."""

from __future__ import annotations

from dataclasses import dataclass, fields

from jaxtyping import Float, Shaped
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Noised:
    """A noised batch and what the network should predict from it. Made once per batch, by the noise process.

    Attributes:
        x_t: the noised latents, the network's input.
        t: the timestep of each row, as the network expects it.
        target: what a perfect network predicts.
        weight: the noise process's own weight of each row's loss; 1 where it has none.
        x0: the clean latents.
        noise: the noise mixed in.
        snr: signal-to-noise ratio of each row.
        prediction: what the target is: "epsilon", "v_prediction" or "flow".
    """

    x_t: Float[Tensor, "rows channels height width"]
    t: Shaped[Tensor, " rows"]
    target: Float[Tensor, "rows channels height width"]
    weight: Float[Tensor, " rows"]
    x0: Float[Tensor, "rows channels height width"]
    noise: Float[Tensor, "rows channels height width"]
    snr: Float[Tensor, " rows"]
    prediction: str = "epsilon"

    def __len__(self) -> int:
        return len(self.x_t)

    def select(self, rows: Tensor) -> Noised:
        """The same for some rows, given as a mask or as indices."""
        tensors = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "prediction"}
        return Noised(**tensors, prediction=self.prediction)
