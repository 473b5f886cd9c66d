"""A small restorer of the miniature's pictures: noise, blur and JPEG removed. For `purify.name=restore`.

    python -m foundry.models.restorer --budget-s 600

It learns from pairs of a clean picture of the world and the same picture spoiled in ordinary ways. No attack is among them, and no
design that MiniBench holds out: the world's training pictures have none. The architecture is NAFNet (Chen et al., arXiv
2204.04676), as spandrel has it, so that spandrel tells it by the names of its weights and loads it like anyone's.
"""

import argparse
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from foundry.models.export import ASSETS, publish
from foundry.models.pictures import Pictures
from foundry.models.training import Plan, Trainer, device, load_ema, parse_plan
from foundry.world.scene import CLEAN
from staytrue.purify.spandrel_file import spandrel

WIDTH, ENCODERS, MIDDLE, DECODERS = 24, (1, 1, 2), 2, (1, 1, 1)
NOISE_STD, UNIFORM_RADIUS, BLUR_SIGMA, JPEG_QUALITY = (0.01, 0.12), (2, 24), (0.3, 1.6), (12, 92)
EDGES_WEIGHT = 0.5
EPSILON = 1e-3
CROP_PX, CROPS_UNTIL = 32, 0.8  # three times the steps in a second; at the end whole pictures, as it will be asked for


@dataclass(frozen=True)
class Spoiled:
    """How one picture is spoiled; a value of 0 leaves that step out.

    Attributes:
        blur: standard deviation of a Gaussian, in pixels.
        noise: standard deviation of Gaussian noise, in shares of [0, 1].
        radius: of uniform noise, in levels of 255.
        coarse: side of the squares that noise is equal in: 1 is white noise, 2 is coarser.
        quality: of a round of JPEG.
    """

    blur: float = 0.0
    noise: float = 0.0
    radius: int = 0
    coarse: int = 1
    quality: int = 0


def draw(generator: torch.Generator) -> Spoiled:
    """One or two ordinary ways at random; one picture in ten stays as it is, so that clean pictures are left alone."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    kinds = torch.randperm(4, generator=generator)[: int(torch.randint(1, 3, (), generator=generator))].tolist()
    if between(0, 1) < 0.1:
        return Spoiled()
    return Spoiled(
        blur=between(*BLUR_SIGMA) if 0 in kinds else 0.0,
        noise=between(*NOISE_STD) if 1 in kinds else 0.0,
        radius=round(between(*UNIFORM_RADIUS)) if 2 in kinds else 0,
        coarse=1 + int(between(0, 1) < 0.3),
        quality=round(between(*JPEG_QUALITY)) if 3 in kinds else 0,
    )


def spoil(picture: Tensor, how: Spoiled, generator: torch.Generator) -> Tensor:
    """A clean picture [3, height, width] in [-1, 1], spoiled: blur, then noise, then JPEG, as in a camera."""
    x = picture[None]
    if how.blur:
        x = blurred(x, how.blur)
    if how.noise or how.radius:
        x = x + _noise(x, how, generator)
    x = x.clamp(-1, 1)
    return _jpeg(x[0], how.quality) if how.quality else x[0]


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Rows convolved with a Gaussian, edges repeated."""
    reach = max(1, round(3 * sigma))
    line = torch.exp(-(torch.arange(-reach, reach + 1, dtype=x.dtype) ** 2) / (2 * sigma**2)).to(x.device)
    line = (line / line.sum()).expand(x.shape[1], 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), "replicate"), line[:, :, None], groups=x.shape[1])
    return F.conv2d(F.pad(x, (0, 0, reach, reach), "replicate"), line[..., None], groups=x.shape[1])


def _noise(x: Tensor, how: Spoiled, generator: torch.Generator) -> Tensor:
    height, width = (-(-side // how.coarse) for side in x.shape[2:])
    normal = torch.randn(1, 3, height, width, generator=generator) * 2 * how.noise
    uniform = (torch.rand(1, 3, height, width, generator=generator) * 2 - 1) * how.radius / 127.5
    grown = F.interpolate(normal + uniform, scale_factor=how.coarse, mode="nearest")
    return grown[..., : x.shape[2], : x.shape[3]].to(x)


def _jpeg(x: Tensor, quality: int) -> Tensor:
    pixels = ((x.cpu() + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    back = torch.from_numpy(np.asarray(Image.open(file).convert("RGB")).copy())
    return (back.permute(2, 0, 1).float() / 127.5 - 1).to(x)


def pairs(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Spoiled and clean rows."""
    return torch.stack([spoil(row, draw(generator), generator) for row in clean]), clean


def build() -> nn.Module:
    """An untrained network: as NAFNet starts, it is near the identity."""
    spandrel()
    from spandrel.architectures.NAFNet import NAFNet

    network = NAFNet(width=WIDTH, enc_blk_nums=list(ENCODERS), middle_blk_num=MIDDLE, dec_blk_nums=list(DECODERS))
    return network.to(device(), memory_format=torch.channels_last)


def distance(made: Tensor, real: Tensor) -> Tensor:
    """Charbonnier, sqrt(d^2 + e^2), of pixels and, at half weight, of differences between neighbors."""

    def soft(d: Tensor) -> Tensor:
        return (d.square() + EPSILON**2).sqrt().mean()

    d = made - real
    return soft(d) + EDGES_WEIGHT * (soft(d.diff(dim=-1)) + soft(d.diff(dim=-2))) / 2


class RestorerTask:
    """Undo what was done to a picture.

    Attributes:
        modules: the network.
    """

    def __init__(self, pictures: Pictures, batch: int, network: nn.Module | None = None):
        self.pictures, self.batch = pictures, batch
        self.network = network or build()
        self.modules = nn.ModuleDict({"restorer": self.network})
        self.usable = clean_rows(pictures)

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Distance of restored pictures, or of parts, to the clean ones; works in [0, 1], as spandrel calls its networks."""
        rows = self.usable[torch.randint(len(self.usable), (self.batch,))]
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        spoiled, clean = pairs(self.pictures.batch(rows), generator)
        if progress < CROPS_UNTIL:
            top, left = torch.randint(clean.shape[-1] - CROP_PX + 1, (2,), generator=generator).tolist()
            spoiled, clean = (x[..., top : top + CROP_PX, left : left + CROP_PX] for x in (spoiled, clean))
        loss = distance(self.network((spoiled + 1) / 2), (clean + 1) / 2)
        return loss, {"before": distance(spoiled / 2, clean / 2).item()}


def clean_rows(pictures: Pictures) -> Tensor:
    """Rows of the world that are not spoiled already."""
    kept = [i for i, name in enumerate(pictures.column("degradation")) if name in ("", CLEAN)]
    return torch.tensor(kept)


@torch.inference_mode()
def gain_db(network: nn.Module, pictures: Pictures, rows: int = 256) -> dict[str, float]:
    """Mean peak signal-to-noise ratio before and after, on spoiled pictures, and after, on clean ones."""
    generator = torch.Generator().manual_seed(0)
    usable = clean_rows(pictures)[:rows]
    sums = {"before_db": 0.0, "after_db": 0.0, "clean_after_db": 0.0}
    for part in usable.split(32):
        spoiled, clean = pairs(pictures.batch(part), generator)
        made, kept = (network((x + 1) / 2).clamp(0, 1) * 2 - 1 for x in (spoiled, clean))
        for name, x in (("before_db", spoiled), ("after_db", made), ("clean_after_db", kept)):
            error = (x - clean).square().mean((1, 2, 3)).clamp(min=1e-6)
            sums[name] += (10 * torch.log10(4 / error)).sum().item()
    return {name: value / len(usable) for name, value in sums.items()}


def export(network: nn.Module, folder: Path, facts: dict[str, float]) -> None:
    """Weights in half precision, in one file that spandrel reads, with what was measured beside them."""
    weights = {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"architecture": "NAFNet"})
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    """Train, measure, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-export", action="store_true", help="train and measure only")
    plan, options = parse_plan(parser, "restorer", budget_s=600.0, lr=2e-3, batch=16, ema=0.998)
    torch.set_num_threads(plan.threads)
    train(plan, not options.no_export)


def train(plan: Plan, ship: bool) -> None:
    """Train; with `ship`, put the averaged weights where `purify.name=restore` finds them."""
    Trainer(RestorerTask(Pictures.open("train"), plan.batch), plan).run()
    network = load_ema(build(), plan.folder, "restorer")
    facts = gain_db(network, Pictures.open("holdout"))
    (plan.folder / "facts.json").write_text(json.dumps(facts, indent=1))
    print(facts, flush=True)
    if ship:
        publish(ASSETS / "restorer", lambda folder: export(network, folder, facts))


if __name__ == "__main__":
    main()
