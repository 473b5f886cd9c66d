"""The world's pictures as the models read them: memory-mapped pixels, rows of metadata, balanced draws."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from foundry.models.training import device
from foundry.sources import BUILD

WORLD = BUILD / "world"


@dataclass(frozen=True)
class Pictures:
    """One folder of the world.

    Attributes:
        pixels: uint8 [pictures, 64, 64, 3].
        rows: metadata of each picture.
    """

    pixels: np.ndarray
    rows: list[dict]

    @classmethod
    def open(cls, name: str) -> "Pictures":
        """Pictures of `train`, `holdout` or `instances`, the world's first pictures until all are drawn."""
        folder = WORLD / name
        if name == "train" and not (folder / "rows.jsonl").exists():
            folder = WORLD / "first"
        rows = [json.loads(line) for line in (folder / "rows.jsonl").open()]
        pixels = np.load(folder / "images.npy", mmap_mode=None if torch.cuda.is_available() else "r")
        size = min(len(rows), len(pixels))
        return cls(pixels[:size], rows[:size])

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def captions(self) -> list[str]:
        """The caption of each picture."""
        return [row["caption"] for row in self.rows]

    def column(self, name: str) -> list[str]:
        """One field of all rows, with absent values as an empty string."""
        return [str(row.get(name) or "") for row in self.rows]

    def classes(self, name: str) -> tuple[Tensor, list[str]]:
        """One field as indices into its sorted values."""
        column = self.column(name)
        values = sorted(set(column))
        index = {value: i for i, value in enumerate(values)}
        return torch.tensor([index[value] for value in column]), values

    def batch(self, indices: Tensor) -> Tensor:
        """Pictures as float [rows, 3, 64, 64] in [-1, 1], channels last, on the device."""
        chosen = torch.from_numpy(self.pixels[indices.numpy()]).to(device())
        return chosen.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


class BalancedDraw:
    """Draws rows so that every class comes equally often, from torch's global generator."""

    def __init__(self, labels: Tensor):
        order = labels.argsort()
        self.members = [part for part in order.split(labels.bincount().tolist()) if len(part)]

    def __call__(self, rows: int) -> Tensor:
        """Indices of `rows` rows, classes drawn without repetition as far as they go."""
        classes = torch.cat([torch.randperm(len(self.members)) for _ in range(-(-rows // len(self.members)))])
        chosen = [self.members[c] for c in classes[:rows].tolist()]
        return torch.stack([members[torch.randint(len(members), ())] for members in chosen])
