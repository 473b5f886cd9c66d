"""A model that an attack looks through: differentiable down to the pixels, and trained by the project's own loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from staytrue.adapters import Full
from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.randomness import derived_seed
from staytrue.errors import BackboneError
from staytrue.generate.sampling import Request, Sampling, draw
from staytrue.images.crop import pixels_pm1
from staytrue.objectives import Denoising, Step
from staytrue.protect.base import Scene
from staytrue.protect.draws import generators, normal, timesteps
from staytrue.protect.training import SurrogateTraining
from staytrue.train.batches import Batches
from staytrue.train.config import Train
from staytrue.train.loop import attention, train_loop
from staytrue.train.predictor import BackbonePredictor
from staytrue.train.state import start
from staytrue.train.steps import StepMaker
from staytrue.types import Caption, Role, Sample

if TYPE_CHECKING:
    from jaxtyping import Float

Weights = dict[str, dict[str, Tensor]]
ENCODED_AT_ONCE = 8
STILL: Any = Full()  # while it is attacked nothing trains, so encoded texts may be kept
SUBJECT: Role = "subject"


@dataclass(frozen=True)
class PixelLatents:
    """Latents of pictures in memory, in the order of the samples: what the training loop asks for."""

    mean: Tensor
    std: Tensor

    def moments(self, crops: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Of the pictures (sample, variant) in order; there is one variant."""
        places = torch.tensor([sample for sample, _ in crops], device=self.mean.device)
        return self.mean[places], self.std[places]


@dataclass(eq=False)
class Surrogate:
    """What the attacker imagines will be trained on the photos.

    Args:
        backbone: of its own, trained in place.
        scene: gives subject and seed.
        training: how it learns.
        number: tells surrogates of one attack apart; each draws other noise.
        learned: training steps so far.
    """

    backbone: LoadedBackbone
    scene: Scene
    training: SurrogateTraining = field(default_factory=SurrogateTraining)
    number: int = 0
    learned: int = 0
    _class_pixels: Tensor | None = None
    _encoded_texts: dict[tuple[bool, str], Tensor] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Of its noise."""
        return derived_seed(self.scene.seed, "surrogate", self.number)

    def encode(self, pixels: Float[Tensor, "rows 3 height width"]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents of pictures in [0, 1], with gradient. Raises ``BackboneError`` without."""
        mean, std = self.backbone.encode(pixels * 2 - 1)
        if pixels.requires_grad and not mean.requires_grad:
            raise BackboneError("this backbone's encode passes no gradient to the pixels, so it cannot be attacked")
        return mean, std

    def denoising(
        self, pixels: Float[Tensor, "rows 3 height width"], rows: list[int], draw: int, caption: Caption | None = None
    ) -> Float[Tensor, " rows"]:
        """L_i = |target - prediction(x_t, t, caption)|^2, mean over the latent: what training lowers, here to be raised.

        The latent is a draw from the autoencoder's posterior, t and noise are each row's own; all three are functions of
        (seed, row, draw). It is the training objective itself, asked about other pictures, so surrogate and attack cannot
        drift apart.
        """
        caption, count = caption or self.scene.caption(), len(rows)
        predictor = BackbonePredictor(self.backbone, STILL, self._encoded_texts)
        with self.exact():
            mean, std = self.encode(pixels)
            posterior, noise = (
                normal(self.seed, rows, draw, purpose, mean.shape[1:]).to(mean) for purpose in ("posterior", "noise")
            )
            t = timesteps(self.backbone, self.seed, rows, draw)
            step = Step(
                captions=(caption,) * count,
                texts=(caption.render(),) * count,
                roles=(SUBJECT,) * count,
                subjects=(self.scene.subject,) * count,
                weights=torch.ones(count, device=mean.device),
                noised=self.backbone.process.noise(mean + std * posterior, noise, t),
                condition=predictor.encode_text([caption.render()] * count),
                predictor=predictor,
                generator=lambda purpose: generators(self.seed, rows, draw, purpose)[0],
            )
            return Denoising(rows="all")(step)

    def exact(self) -> AbstractContextManager[object]:
        """The kernels of training, in float32: an attack's gradient is not the place to save bits."""
        return attention(self.backbone.device)

    def learn(self, pixels: Float[Tensor, "rows 3 height width"], steps: int) -> None:
        """Goes on training on these pictures, with a fresh optimizer, for some steps; then everything is frozen again."""
        if steps == 0:
            return
        settings, frozen = (
            self.training.settings(self.backbone.facts, self.learned + steps),
            self.backbone.trainable_modules(),
        )
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            state = start(settings, self.backbone, [], keep_base=False)
            state.step = self.learned
            train_loop(settings, state, self._step_maker(pixels, settings), ())
        self.learned += steps
        for module in frozen.values():
            module.requires_grad_(False).eval()
        self._encoded_texts.clear()

    def weights(self) -> Weights:
        """A copy of everything that training moves."""
        modules = self.backbone.trainable_modules()
        return {
            name: {key: value.clone() for key, value in module.state_dict().items()} for name, module in modules.items()
        }

    def restore(self, weights: Weights) -> None:
        """Takes a copy back. The count of steps goes on, so that no noise is used twice."""
        for name, module in self.backbone.trainable_modules().items():
            module.load_state_dict(weights[name])
        self._encoded_texts.clear()

    def _step_maker(self, pixels: Tensor, settings: Train) -> StepMaker:
        subject = self.scene.subject
        chosen: list[tuple[Role, Caption, Tensor]] = [("subject", self.scene.caption(), pixels)]
        if settings.class_rows:
            chosen.append(("class", self.scene.class_caption(), self._class_images()))
        samples = tuple(
            Sample(image=Path(f"{role}-{number}"), caption=caption, subject=subject.name, role=role)
            for role, caption, pictures in chosen
            for number in range(len(pictures))
        )
        everything = torch.cat([pictures for _, _, pictures in chosen])
        with torch.no_grad(), self.exact():
            moments = [self.encode(part) for part in everything.split(ENCODED_AT_ONCE)]
        return StepMaker(
            batches=Batches(samples, self.seed, (("subject", settings.batch), ("class", settings.class_rows))),
            subjects={subject.name: subject},
            latents=PixelLatents(*(torch.cat(part) for part in zip(*moments, strict=True))),
            crop_counts=(1,) * len(samples),
            process=self.backbone.process,
            predictor=BackbonePredictor(self.backbone, settings.adapter),
        )

    def _class_images(self) -> Tensor:
        """Drawn once, by this backbone, before it has learned anything."""
        if self._class_pixels is None:
            self._class_pixels = class_images(self.backbone, self.scene, self.training.class_images)
        return self._class_pixels


def class_images(backbone: LoadedBackbone, scene: Scene, count: int) -> Float[Tensor, "rows 3 height width"]:
    """Pictures of the class, in [0, 1], drawn with the class caption."""
    steps, guidance = (12, 3.0) if backbone.facts.is_miniature else (20, 7.5)
    requests = [
        Request(prompt=scene.class_caption().render(), seed=derived_seed(scene.seed, "class image", number) % 2**32)
        for number in range(count)
    ]
    drawn = draw(backbone, requests, Sampling(steps=steps, guidance=guidance, solver="dpm++"))
    return ((pixels_pm1(list(drawn)) + 1) / 2).to(scene.clean)
