"""From the number of a micro-batch to its ``Step``: rows, captions, crops, noise. A pure function of (seed, number)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.randomness import generator_for
from staytrue.objectives.base import Predictor, Step
from staytrue.train.batches import Batches
from staytrue.train.latents import Latents
from staytrue.types import Caption, Frame, Subject


@dataclass(frozen=True)
class StepMaker:
    """Makes micro-batches.

    Args:
        batches: which rows.
        subjects: by name.
        latents: of their crops.
        crop_counts: how many crops each sample has.
        process: the noise process.
        predictor: handed to the step.
        adjective_dropout: probability that an adjective is left out.
        frame: of a sample's crop, for backbones that want to know; None for nobody.
    """

    batches: Batches
    subjects: dict[str, Subject]
    latents: Latents
    crop_counts: tuple[int, ...]
    process: DDPM
    predictor: Predictor
    adjective_dropout: float = 0.0
    frame: Callable[[int, int], Frame] | None = None

    def __call__(self, micro: int) -> Step:
        """Micro-batch number ``micro``, counted over the whole training."""
        rows = self.batches.rows(micro)
        samples = [self.batches.samples[row] for row in rows]
        captions = self._captions([sample.caption for sample in samples], micro)
        texts = tuple(caption.render() for caption in captions)
        crops = self._crops(rows, micro)
        x0 = self._x0(crops, micro)
        noise = torch.randn(x0.shape, generator=self._generator(micro, "noise")).to(x0.device)
        t = self.process.sample_timesteps(len(rows), self._generator(micro, "timesteps"))
        return Step(
            captions=captions,
            texts=texts,
            roles=tuple(sample.role for sample in samples),
            subjects=tuple(self.subjects[sample.subject] for sample in samples),
            weights=torch.tensor([sample.weight for sample in samples], device=x0.device),
            noised=self.process.noise(x0, noise, t),
            condition=self.predictor.encode_text(list(texts)),
            predictor=self.predictor,
            generator=lambda purpose: self._generator(micro, purpose),
            frames=tuple(self.frame(*crop) for crop in crops) if self.frame else (),
        )

    def _crops(self, rows: list[int], micro: int) -> list[tuple[int, int]]:
        """One crop (sample, variant) of each row."""
        chance = torch.rand(len(rows), generator=self._generator(micro, "crop")).tolist()
        return [(row, int(u * self.crop_counts[row])) for row, u in zip(rows, chance, strict=True)]

    def _x0(self, crops: list[tuple[int, int]], micro: int) -> Tensor:
        """A draw from the autoencoder's posterior of each crop."""
        mean, std = self.latents.moments(crops)
        return mean + std * torch.randn(mean.shape, generator=self._generator(micro, "posterior")).to(mean.device)

    def _captions(self, captions: list[Caption], micro: int) -> tuple[Caption, ...]:
        if not self.adjective_dropout or not any(caption.adjectives for caption in captions):
            return tuple(captions)
        most = max(len(caption.adjectives) for caption in captions)
        kept = torch.rand(len(captions), most, generator=self._generator(micro, "adjectives")) >= self.adjective_dropout
        flags = [tuple(row[: len(c.adjectives)]) for row, c in zip(kept.tolist(), captions, strict=True)]
        return tuple(c.without_adjectives(f) for c, f in zip(captions, flags, strict=True))

    def _generator(self, micro: int, purpose: str) -> torch.Generator:
        return generator_for(self.batches.seed, micro, purpose)
