"""Noise to a timestep and back with the backbone itself: the core of DiffPure, whole or in tiles."""

from __future__ import annotations

import torch
from diffusers import DDPMScheduler
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.randomness import generator_for
from staytrue.images.load import pixel_hash


def descending(first: int, steps: int) -> list[int]:
    """At most ``steps`` different timesteps from ``first`` down, evenly spaced; the solver's last step ends at 0."""
    return sorted({max(1, round(first * i / steps)) for i in range(1, steps + 1)}, reverse=True)


def generator(image: Image.Image, *purpose: str | int) -> torch.Generator:
    """Chance that belongs to a picture and a purpose, so that a photo's result does not depend on the others."""
    return generator_for(*purpose, pixel_hash(image))


@torch.no_grad()
def there_and_back(
    backbone: LoadedBackbone,
    latents: Float[Tensor, "rows channels height width"],
    timesteps: list[int],
    condition: tuple[Tensor, Tensor | None, float],
    chance: torch.Generator,
) -> Float[Tensor, "rows channels height width"]:
    """x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise at the first timestep, then DDPM's ancestral steps down the list.

    Args:
        backbone: that removes the noise again.
        latents: scaled.
        timesteps: descending.
        condition: text states of the prompt, those of the negative prompt or None, and the guidance weight.
        chance: of the noise of all steps, drawn on the CPU.
    """
    (prompt, negative, weight), rows = condition, len(latents)
    solver = DDPMScheduler.from_config({**backbone.scheduler_config, "clip_sample": False, "thresholding": False})
    solver.set_timesteps(timesteps=timesteps, device=backbone.device)
    noise = torch.randn(latents.shape, generator=chance).to(backbone.device)
    first = torch.full((rows,), timesteps[0], device=backbone.device)
    x = backbone.process.noise(latents, noise, first).x_t
    for t in solver.timesteps:
        output = _output(backbone, x, t, prompt.expand(rows, -1, -1))
        if negative is not None:
            without = _output(backbone, x, t, negative.expand(rows, -1, -1))
            output = without + weight * (output - without)
        x = solver.step(output, t, x, generator=chance).prev_sample
    return x


def _output(backbone: LoadedBackbone, x: Tensor, t: Tensor, states: Tensor) -> Tensor:
    return backbone.unet(x.to(states.dtype), t, encoder_hidden_states=states).sample.float()


@torch.no_grad()
def conditioned(backbone: LoadedBackbone, prompt: str, guidance: float) -> tuple[Tensor, Tensor | None, float]:
    """Text states for ``there_and_back``; the empty prompt's too where guidance is on."""
    states = backbone.encode_text([prompt, ""])
    return states[:1], states[1:] if guidance > 1 else None, guidance
