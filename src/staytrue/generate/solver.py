"""Latents from noise: one batch, one solver of diffusers, guidance in one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.backbones.schedulers import scheduler
from staytrue.generate.sampling import Guide, Request, Sampling


def first_noise(requests: Sequence[Request], shape: tuple[int, ...]) -> Float[Tensor, "rows channels height width"]:
    """Standard normal noise, each row from its own seed; drawn on the CPU so that every device starts from the same."""
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(r.seed)) for r in requests])


@torch.no_grad()
def solve(
    backbone: LoadedBackbone, requests: Sequence[Request], sampling: Sampling, guide: Guide | None = None
) -> Float[Tensor, "rows channels height width"]:
    """Scaled latents of a batch of requests, float32.

    Guidance: ``negative + w * (prompt - negative)``, both rows in one forward pass; skipped at w = 1; then what a guide adds.
    The state stays in float32 whatever the network computes in.
    """
    solver = scheduler(sampling.solver, backbone.scheduler_config)
    solver.set_timesteps(sampling.steps, device=backbone.device)
    latents = first_noise(requests, backbone.facts.latent_shape).to(backbone.device) * solver.init_noise_sigma
    guided = sampling.guidance > 1
    with ready(backbone):
        condition = _condition(backbone, requests, sampling)
        added = guide(requests) if guide else None
        for t in solver.timesteps:
            rows = solver.scale_model_input(torch.cat([latents] * 2) if guided else latents, t)
            output = backbone.unet(rows.to(condition.dtype), t, encoder_hidden_states=condition).sample.float()
            if guided:
                negative, positive = output.chunk(2)
                output = negative + sampling.guidance * (positive - negative)
            if added:
                output = output + added(rows[: len(latents)], t)
            latents = solver.step(output, t, latents).prev_sample
    return latents


@torch.no_grad()
def decode(backbone: LoadedBackbone, latents: Float[Tensor, "rows channels height width"]) -> list[Image.Image]:
    """RGB pictures of scaled latents, rounded as diffusers rounds."""
    with ready(backbone):
        pixels_pm1 = backbone.decode(latents.to(backbone.device)).float()
    pixels = ((pixels_pm1 / 2 + 0.5).clamp(0, 1) * 255).round().byte()
    return [Image.fromarray(p.permute(1, 2, 0).cpu().numpy()) for p in pixels]


def _condition(
    backbone: LoadedBackbone, requests: Sequence[Request], sampling: Sampling
) -> Float[Tensor, "rows tokens width"]:
    """Text states per row, the negative rows first; each different text is encoded once."""
    asked = [Request(sampling.negative, 0)] * len(requests) if sampling.guidance > 1 else []
    # what a row's condition depends on; without the adjustment, the text alone
    keys = [(r.prompt, r.named if sampling.tea else ()) for r in (*asked, *requests)]
    different = sorted(set(keys))
    states = backbone.encode_text([text for text, _ in different])
    if sampling.tea:
        rows = list(states)
        for number, (text, named) in enumerate(different):
            for identifier, class_noun in named:
                rows[number] = sampling.tea(backbone, text, identifier, class_noun, rows[number])
        states = torch.stack(rows)
    return states[[different.index(key) for key in keys]]


@contextmanager
def ready(backbone: LoadedBackbone) -> Iterator[None]:
    """Dropout off while sampling; each module's own mode comes back after: previews are drawn in mid-training."""
    training = [
        m for root in (backbone.unet, backbone.text_encoder, backbone.vae) for m in root.modules() if m.training
    ]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
