"""How far the latent that a class image was decoded from is from what the encoder makes of the picture.

    python benchmarks/experiments/stored_latents.py [--images 16] [--backbone miniature] [--device cpu]

Draws class images of the structured set, saves none, and compares each sampler's latent z with the encoder's mean m of the 8-bit
picture: rms(z - m) in units of the latents' standard deviation, their correlation, the PSNR between their decoded pictures,
and the base model's loss on either. Prints JSON. Behind the default of ``train.stored_latents``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from staytrue.backbones import SD
from staytrue.diffusion.randomness import generator_for
from staytrue.generate import Request, Sampling, draw_with_latents
from staytrue.images.crop import pixels_pm1
from staytrue.regularize.base import Brief
from staytrue.regularize.structured import Structured
from staytrue.types import Subject

DRAWS = 4


@torch.no_grad()
def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--backbone", default="miniature")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    component = SD(path=options.backbone)
    backbone = component.load(options.device)
    subject = Subject(name="dog", photos=Path("."), class_noun="dog")
    plan = Structured(count=options.images).plan(Brief(subject, (), component.facts(), seed=0))
    texts = [p.caption.render() for p in plan]
    requests = [Request(text, p.seed) for text, p in zip(texts, plan, strict=True)]
    sampling = Sampling(steps=12, guidance=3.0, solver="dpm++")
    pictures, latents = zip(*draw_with_latents(backbone, requests, sampling), strict=True)
    kept = torch.stack(latents).to(backbone.device)
    encoded, spread = backbone.encode(pixels_pm1(list(pictures)))
    seen, again = backbone.decode(kept), backbone.decode(encoded)
    found = {
        "settings": vars(options),
        "difference_in_standard_deviations": float(((kept - encoded).square().mean() / kept.var()).sqrt()),
        "posterior_spread_in_standard_deviations": float(spread.mean() / kept.std()),
        "correlation": float(torch.corrcoef(torch.stack([kept.flatten(), encoded.flatten()]))[0, 1]),
        "psnr_db": float(10 * torch.log10(4 / (seen - again).square().mean())),
        "base_loss_kept": loss(backbone, kept, texts),
        "base_loss_encoded": loss(backbone, encoded, texts),
    }
    print(json.dumps(found, indent=2))


def loss(backbone: Any, x0: Tensor, texts: list[str]) -> float:
    """The base model's mean denoising loss, over the same noises and times for both kinds of latents."""
    condition, total = backbone.encode_text(texts), 0.0
    for number in range(DRAWS):
        generator = generator_for(0, number)
        noise = torch.randn(x0.shape, generator=generator).to(x0.device)
        noised = backbone.process.noise(x0, noise, backbone.process.sample_timesteps(len(x0), generator))
        total += float((backbone.predict(noised, condition) - noised.target).square().mean())
    return total / DRAWS


if __name__ == "__main__":
    main()
