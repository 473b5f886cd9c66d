"""The autoencoder: an ordinary `AutoencoderKL`, 64 px pictures to 16 x 16 latents.

L1 on pixels and on their differences keeps edges sharp. Half of the steps also decode pooled latents against pooled
pixels: latents that mean the same at two scales carry no noise-like code, and a denoiser learns them faster (EQ-VAE,
Kouzelis et al., 2025).
"""

import argparse
import json

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from foundry.models.linear_start import start_linear
from foundry.models.pictures import Pictures
from foundry.models.training import RUNS, Plan, Trainer, device, load_ema, parse_plan

WIDTHS = (16, 32, 64)
KL_WEIGHT = 1e-6
SCALE_WEIGHT = 0.25


def build(latent_channels: int) -> AutoencoderKL:
    """An untrained autoencoder."""
    levels = len(WIDTHS)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=latent_channels,
        sample_size=64,
        mid_block_add_attention=False,
    )
    start_linear(vae)
    return vae.to(device(), memory_format=torch.channels_last)


def edges(x: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighboring pixels, across and down."""
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def distance(made: Tensor, real: Tensor) -> Tensor:
    """L1 of pixels plus L1 of their differences."""
    return F.l1_loss(made, real) + sum(F.l1_loss(a, b) for a, b in zip(edges(made), edges(real), strict=True)) / 2


class VaeTask:
    """Reconstruct the world's pictures.

    Attributes:
        modules: the autoencoder.
    """

    def __init__(self, pictures: Pictures, batch: int, options: argparse.Namespace):
        self.pictures, self.batch, self.decoder_only = pictures, batch, options.decoder_only
        self.vae = build(options.latent_channels)
        if self.decoder_only:
            self.vae.encoder.requires_grad_(False)
            self.vae.quant_conv.requires_grad_(False)
        self.modules = nn.ModuleDict({"vae": self.vae})

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Reconstruction, Kullback-Leibler and, on every second step, the pooled scale."""
        real = self.pictures.batch(torch.randint(len(self.pictures), (self.batch,)))
        posterior = self.vae.encode(real).latent_dist
        latents = posterior.sample()
        loss = reconstruction = distance(self.vae.decode(latents).sample, real)
        if not self.decoder_only:
            loss = loss + KL_WEIGHT * posterior.kl().mean() / real[0].numel()
            if torch.rand(()) < 0.5:
                pooled = self.vae.decode(F.avg_pool2d(latents, 2)).sample
                loss = loss + SCALE_WEIGHT * distance(pooled, F.avg_pool2d(real, 2))
        return loss, {"reconstruction": reconstruction.item()}


@torch.inference_mode()
def psnr_db(vae: AutoencoderKL, pictures: Pictures, rows: int = 512) -> float:
    """Mean peak signal-to-noise ratio of reconstructions through the posterior's mean."""
    scores = []
    for indices in torch.arange(min(rows, len(pictures))).split(64):
        real = pictures.batch(indices)
        made = vae.decode(vae.encode(real).latent_dist.mean).sample.clamp(-1, 1)
        scores.append(10 * torch.log10(4 / (made - real).square().mean((1, 2, 3)).clamp(min=1e-8)))
    return torch.cat(scores).mean().item()


@torch.inference_mode()
def measure_scale(vae: AutoencoderKL, pictures: Pictures, rows: int = 1024) -> dict[str, object]:
    """Factor that gives latents unit deviation, and what each channel deviates and centers on."""
    means = [vae.encode(pictures.batch(i)).latent_dist.mean for i in torch.arange(min(rows, len(pictures))).split(64)]
    latents = torch.cat(means)
    return {
        "scaling_factor": 1 / latents.std().item(),
        "channel_std": [round(v, 3) for v in latents.std((0, 2, 3)).tolist()],
        "channel_mean": [round(v, 3) for v in latents.mean((0, 2, 3)).tolist()],
    }


def load() -> AutoencoderKL:
    """The trained autoencoder with its measured scaling factor."""
    facts = json.loads((RUNS / "vae" / "facts.json").read_text())
    vae = load_ema(build(facts["latent_channels"]), RUNS / "vae", "vae")
    vae.register_to_config(scaling_factor=facts["scaling_factor"])
    return vae


def main() -> None:
    """Train, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latent-channels", type=int, default=8)
    parser.add_argument("--decoder-only", action="store_true", help="sharpen the decoder, latents stay as they are")
    plan, options = parse_plan(parser, "vae", budget_s=840.0, lr=2e-3, batch=4, optimizer="muon", ema=0.998)
    torch.set_num_threads(plan.threads)
    train(plan, options)


def train(plan: Plan, options: argparse.Namespace) -> None:
    """Train and write `facts.json` beside the state."""
    Trainer(VaeTask(Pictures.open("train"), plan.batch, options), plan).run()
    vae = load_ema(build(options.latent_channels), plan.folder, "vae")
    holdout = Pictures.open("holdout")
    facts = {"latent_channels": options.latent_channels, "psnr_db": psnr_db(vae, holdout)}
    facts |= measure_scale(vae, Pictures.open("train"))
    (plan.folder / "facts.json").write_text(json.dumps(facts, indent=1))
    print(facts, flush=True)


if __name__ == "__main__":
    main()
