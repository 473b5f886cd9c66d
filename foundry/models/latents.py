"""Latents of the world's pictures, encoded once by the frozen autoencoder, with the rows they belong to."""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from foundry.models import vae
from foundry.models.pictures import Pictures
from foundry.models.training import RUNS, device

FOLDER = RUNS / "latents"


class Latents:
    """Cached latents.

    Attributes:
        values: float16 [pictures, channels, 16, 16], scaled to unit deviation.
        rows: metadata of each picture.
    """

    def __init__(self, folder: Path = FOLDER):
        self.values = torch.from_numpy(np.load(folder / "latents.npy")).to(device())
        self.rows = [json.loads(line) for line in (folder / "rows.jsonl").open()]

    def batch(self, indices: Tensor) -> Tensor:
        """Latents of some rows as float."""
        return self.values[indices.to(self.values.device)].float()


@torch.inference_mode()
def encode(pictures: Pictures) -> np.ndarray:
    """Scaled posterior means of pictures."""
    model = vae.load()
    scale = model.config.scaling_factor
    means = (model.encode(pictures.batch(i)).latent_dist.mean for i in torch.arange(len(pictures)).split(64))
    return np.concatenate([(mean * scale).half().cpu().numpy() for mean in means])


def main() -> None:
    """Encode the first pictures of the training world into the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    world = Pictures.open("train")
    chosen = Pictures(world.pixels[: options.count], world.rows[: options.count])
    part = FOLDER.with_name("latents.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    np.save(part / "latents.npy", encode(chosen))
    (part / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen.rows))
    shutil.rmtree(FOLDER, ignore_errors=True)
    part.rename(FOLDER)


if __name__ == "__main__":
    main()
