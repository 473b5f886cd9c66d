"""What the backbone itself makes of a photo: its autoencoder and its denoiser, which protections are aimed at."""

from __future__ import annotations

from collections.abc import Callable

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.randomness import generator_for
from staytrue.images.crop import fit, pixels_pm1
from staytrue.purify.inspection.pixels import SMOOTH_PX

TIMES = (100, 300, 500, 700)
ROWS = 16
SHUFFLES = 3
NOTHING = 0.005  # latents of unit variance: added to both sides of a quotient, which then is 1 where nothing moves


@torch.no_grad()
def model_measures(
    backbone: LoadedBackbone,
    images: list[Image.Image],
    prompt: str,
    restore: Callable[[Image.Image], Image.Image] | None = None,
) -> list[dict[str, float]]:
    """Per photo, at the backbone's resolution (center crop), with S a Gaussian of one pixel and R a restorer, where there is one.

    round_trip: root mean square of D(E(x)) - x, in levels of 255 (IMPRESS, arXiv 2310.19248, minimizes it).
    latent_shift: root mean square of E(x) - E(S x), in latents of unit variance.
    latent_gain: latent_shift over that of x - S x in [-1, 1]. A perturbation made against the autoencoder moves latents more than
        noise of its size does.
    denoising_gap: loss(x) - loss(S x), loss the denoiser's mean squared error under the prompt, the same noise at the same four
        timesteps for every photo. Most protections raise the first.
    latent_aim: root mean square of E(x) - E(R x) over that of E(R x + p) - E(R x), where p is x - R x with its pixels shuffled and
        its signs drawn anew, mean of three. What noise and JPEG add moves latents as its scrambled copy does; a perturbation made
        against the autoencoder, or through it against the denoiser, moves them more. Only with a restorer.
    """
    side = backbone.facts.resolution_px
    sharp = [fit(image, side) for image in images]
    smooth = [image.filter(ImageFilter.GaussianBlur(SMOOTH_PX)) for image in sharp]
    x, s = pixels_pm1(sharp).to(backbone.device), pixels_pm1(smooth).to(backbone.device)
    z, z_smooth = _encoded(backbone, x, s)
    back = torch.cat([backbone.decode(part) for part in z.split(ROWS)]).float().clamp(-1, 1)
    loss, loss_smooth = denoising_loss(backbone, torch.cat([z, z_smooth]), prompt).chunk(2)
    shift, step = _rms(z - z_smooth), _rms(x - s)
    columns = {
        "round_trip": 127.5 * _rms(back - x),
        "latent_shift": shift,
        "latent_gain": shift / step.clamp(min=1 / 255),
        "denoising_gap": loss - loss_smooth,
    }
    if restore is not None:
        columns["latent_aim"] = _aim(backbone, x, pixels_pm1([restore(image) for image in sharp]).to(x.device), z)
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(len(images))]


def denoising_loss(backbone: LoadedBackbone, latents: Tensor, prompt: str) -> Tensor:
    """Mean squared error of the denoiser at ``TIMES``, with one noise for each, the same for every row."""
    condition = backbone.encode_text([prompt])
    last = len(backbone.process.alphas_cumprod) - 1
    total = torch.zeros(len(latents), device=latents.device)
    for time in TIMES:
        noise = torch.randn(latents.shape[1:], generator=generator_for("inspection", time)).to(latents.device)
        for start in range(0, len(latents), ROWS):
            rows = latents[start : start + ROWS]
            t = torch.full((len(rows),), min(time, last), device=latents.device)
            noised = backbone.process.noise(rows, noise.expand_as(rows), t)
            predicted = backbone.predict(noised, condition.expand(len(rows), -1, -1)).float()
            total[start : start + ROWS] += (predicted - noised.target).square().mean((1, 2, 3))
    return total / len(TIMES)


def _aim(backbone: LoadedBackbone, x: Tensor, restored: Tensor, z: Tensor) -> Tensor:
    controls = [restored + _scrambled(x - restored, number) for number in range(SHUFFLES)]
    start, *ends = _encoded(backbone, restored, *controls)
    control = torch.stack([_rms(end - start) for end in ends]).mean(0)
    return (_rms(z - start) + NOTHING) / (control + NOTHING)


def _scrambled(difference: Tensor, number: int) -> Tensor:
    """The same pixels in another order and with other signs; the same for every row."""
    chance = generator_for("inspection", "scrambled", number)
    order = torch.randperm(difference[0, 0].numel(), generator=chance).to(difference.device)
    signs = torch.randint(0, 2, difference.shape[1:], generator=chance).to(difference.device) * 2 - 1
    return difference.flatten(2)[:, :, order].reshape(difference.shape) * signs


def _encoded(backbone: LoadedBackbone, *pixels: Tensor) -> tuple[Tensor, ...]:
    """The latents of equally many pictures each, in batches that run through all of them."""
    rows = torch.cat([backbone.encode(part)[0] for part in torch.cat(pixels).split(ROWS)])
    return rows.chunk(len(pixels))


def _rms(rows: Tensor) -> Tensor:
    return rows.float().square().mean((1, 2, 3)).sqrt()
