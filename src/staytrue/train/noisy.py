"""Noisy copies: what noise looks like, shown on purpose, so that words for it mean it and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import Field, field_validator

from staytrue.registry import component
from staytrue.types import Sample


@component
class NoisyCopies:
    """Every photo once more, with random noise, under a caption that says so.

    Contrastive decoupling tells noise from subject by words, but as published all photos are "with" it and all class images
    "without": then the subject is as good an answer to "with what?" as the noise, and prompts that say "without" lose it
    (docs/log.md). Here both are of the subject: the photos as they are, cleaned if they were, are captioned with
    ``train.subject_suffix``, and the copies with ``suffix``.
    Source: our reading of DiffShortcut (arXiv 2406.18944), sections 4.2 and 4.3; the noise is random, never an attack.

    Args:
        suffix: what the captions of the copies end with, such as "with olis noisy pattern".
        levels: least and most that every value moves by, up or down, in levels of 255; each copy has one number between them.
    """

    suffix: str = Field(min_length=1)
    levels: tuple[int, int] = (5, 16)

    @field_validator("levels")
    @classmethod
    def _in_order(cls, levels: tuple[int, int]) -> tuple[int, int]:
        if not 0 < levels[0] <= levels[1] <= 255:
            raise ValueError("the least and the most are levels from 1 to 255, in this order")
        return levels

    def beside(self, samples: Iterable[Sample], seed: int) -> list[Sample]:
        """The rows, each photo followed by its noisy copy."""
        from staytrue.diffusion.randomness import derived_seed

        found: list[Sample] = []
        for number, sample in enumerate(samples):
            found.append(sample)
            if sample.role == "subject":
                found.append(self._noisy(sample, derived_seed(seed, number, "noisy copy")))
        return found

    def _noisy(self, sample: Sample, chance: int) -> Sample:
        least, most = self.levels
        caption = replace(sample.caption, suffix=self.suffix)
        return replace(sample, caption=caption, noise=least + chance % (most - least + 1))
