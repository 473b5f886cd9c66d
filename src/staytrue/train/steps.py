"""From the number of a micro-batch to its ``Step``: rows, captions, crops, noise. A pure function of (seed, number)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.randomness import generator_for
from staytrue.objectives.base import Step
from staytrue.train.batches import Batches
from staytrue.train.latents import Latents
from staytrue.train.predictor import BackbonePredictor
from staytrue.types import Caption, Frame, Role, Sample, Subject


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
        background_dropout: probability that a photo's caption leaves its background out.
        suffixes: what the captions of each role end with, unless they have an ending of their own.
        noise_pool: how many draws of (latent, noise, t) each row has; 0 for a fresh one each time.
        frame: of a sample's crop, for backbones that want to know; None for nobody.
    """

    batches: Batches
    subjects: dict[str, Subject]
    latents: Latents
    crop_counts: tuple[int, ...]
    process: DDPM
    predictor: BackbonePredictor
    adjective_dropout: float = 0.0
    background_dropout: float = 0.0
    suffixes: Mapping[Role, str] = field(default_factory=dict)
    noise_pool: int = 0
    frame: Callable[[int, int], Frame] | None = None
    _references: dict[Hashable, Tensor] = field(default_factory=dict)

    def __call__(self, micro: int) -> Step:
        """Micro-batch number ``micro``, counted over the whole training."""
        rows = self.batches.rows(micro)
        samples = [self.batches.samples[row] for row in rows]
        captions = self._captions(self._placed(samples, micro), micro)
        texts = tuple(caption.render() for caption in captions)
        draws = self._draws(rows, micro)
        crops = self._pooled_crops(draws) if draws else self._crops(rows, micro)
        x0, noise, t = self._from_pool(draws, crops) if draws else self._drawn(crops, micro)
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
            everyone=tuple(self.subjects.values()),
            frames=tuple(self.frame(*crop) for crop in crops) if self.frame else (),
            draws=tuple(draws),
            **({"references": self._references} if draws else {}),
        )

    def _crops(self, rows: list[int], *purpose: str | int) -> list[tuple[int, int]]:
        """One crop (sample, variant) of each row."""
        chance = torch.rand(len(rows), generator=self._generator(*purpose, "crop")).tolist()
        return [(row, int(u * self.crop_counts[row])) for row, u in zip(rows, chance, strict=True)]

    def _drawn(self, crops: list[tuple[int, int]], *purpose: str | int) -> tuple[Tensor, Tensor, Tensor]:
        """A draw from the autoencoder's posterior of each crop, noise, and timesteps."""
        mean, std = self.latents.moments(crops)
        x0 = mean + std * torch.randn(mean.shape, generator=self._generator(*purpose, "posterior")).to(mean.device)
        noise = torch.randn(x0.shape, generator=self._generator(*purpose, "noise")).to(x0.device)
        return x0, noise, self.process.sample_timesteps(len(crops), self._generator(*purpose, "timesteps"))

    def _draws(self, rows: list[int], micro: int) -> list[tuple[int, int]]:
        """Which draw of the pool each row is: they come back in turn. Empty without a pool."""
        if not self.noise_pool:
            return []
        return [(row, seen % self.noise_pool) for row, seen in zip(rows, self.batches.rounds(micro), strict=True)]

    def _pooled_crops(self, draws: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The crop of each draw of the pool."""
        return [self._crops([row], "pool", row, number)[0] for row, number in draws]

    def _from_pool(self, draws: list[tuple[int, int]], crops: list[tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor]:
        """The same for draws that come back: a function of the row and the draw's number alone."""
        alone = [self._drawn([crop], "pool", *draw) for draw, crop in zip(draws, crops, strict=True)]
        x0, noise, t = (torch.cat(parts) for parts in zip(*alone, strict=True))
        return x0, noise, t

    def _ended(self, sample: Sample) -> Caption:
        ending = sample.caption.suffix or self.suffixes.get(sample.role, "")
        return replace(sample.caption, suffix=ending)

    def _placed(self, samples: list[Sample], micro: int) -> list[Caption]:
        """The captions with their endings, some photos' without their background."""
        captions = [self._ended(sample) for sample in samples]
        if not self.background_dropout:
            return captions
        chance = torch.rand(len(captions), generator=self._generator(micro, "backgrounds")).tolist()
        # a finished sentence goes on to name it
        slotted = [s.role == "subject" and not s.caption.text for s in samples]
        bare = [u < self.background_dropout and one for u, one in zip(chance, slotted, strict=True)]
        return [replace(c, background="") if drop else c for c, drop in zip(captions, bare, strict=True)]

    def _captions(self, captions: list[Caption], micro: int) -> tuple[Caption, ...]:
        if not self.adjective_dropout or not any(caption.adjectives for caption in captions):
            return tuple(captions)
        most = max(len(caption.adjectives) for caption in captions)
        kept = torch.rand(len(captions), most, generator=self._generator(micro, "adjectives")) >= self.adjective_dropout
        flags = [tuple(row[: len(c.adjectives)]) for row, c in zip(kept.tolist(), captions, strict=True)]
        return tuple(c.without_adjectives(f) for c, f in zip(captions, flags, strict=True))

    def _generator(self, *purpose: str | int) -> torch.Generator:
        return generator_for(self.batches.seed, *purpose)
