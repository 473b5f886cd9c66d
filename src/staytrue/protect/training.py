"""How a surrogate learns the subject: the settings of a DreamBooth that runs through the project's own training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.registry import component

if TYPE_CHECKING:
    from staytrue.train.config import Train
    from staytrue.types import Facts


@component
class SurrogateTraining:
    """DreamBooth on full weights, much as whoever takes the photos would run it.

    Differs, on the miniature: its recipes train the denoiser at 1.5e-4, and the text encoder at a tenth of that.

    Args:
        learning_rate: constant, of the denoiser and of the text encoder; None is 5e-7 (Anti-DreamBooth, MetaCloak), and 1e-4 for
            the miniature.
        batch: photos in a step.
        text_encoder: whether the text encoder is trained too, as in those papers.
        class_images: prior preservation on this many pictures of the class, which the backbone draws once; 0 leaves it out.
            The papers have 200; an attack by few steps hardly needs them, and they double each step.
    """

    learning_rate: float | None = Field(default=None, gt=0)
    batch: int = Field(default=2, ge=1)
    text_encoder: bool = True
    class_images: int = Field(default=0, ge=0)

    def settings(self, facts: Facts, steps: int = 1) -> Train:
        """As the training loop reads them."""
        from staytrue.adapters import Full
        from staytrue.objectives import Denoising
        from staytrue.train.config import Train, Weighted

        rows: tuple[Literal["subject", "class"], ...] = ("subject", "class") if self.class_images else ("subject",)
        return Train(
            adapter=Full(text_encoder=self.text_encoder),
            objectives={role: Weighted(objective=Denoising(rows=role)) for role in rows},
            learning_rate=self.learning_rate or scaled(facts, 5e-7, 1e-4),
            batch=self.batch,
            class_rows=self.batch if self.class_images else 0,
            steps=steps,
        )


def scaled(facts: Facts, real: float, miniature: float) -> float:
    """A default that depends on the size of the model."""
    return miniature if facts.is_miniature else real
