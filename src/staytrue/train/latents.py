"""Latents of crops: encoded at each step, or once. Both are the same function of (sample, variant)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from jaxtyping import Float
from PIL import Image
from rich.console import Console
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.randomness import derived_seed
from staytrue.images.crop import center_box, fit, pixels_pm1, random_box
from staytrue.runs import fingerprint, write_bytes
from staytrue.types import Sample

ENCODED_AT_ONCE = 8
Moments = tuple[Float[Tensor, "rows channels height width"], Float[Tensor, "rows channels height width"]]


@dataclass(frozen=True)
class Crops:
    """The squares that training sees.

    Args:
        root: of the run; samples' images are relative to it.
        samples: all rows.
        resolution_px: side of a square.
        crop_range: side of the crop as a share of the shorter side; (1, 1) is the center crop.
        variants: crops of a subject's photo; a class image has one, and so has anything under the center crop.
        seed: of the run.
    """

    root: Path
    samples: tuple[Sample, ...]
    resolution_px: int
    crop_range: tuple[float, float] = (1.0, 1.0)
    variants: int = 1
    seed: int = 0

    def count(self, index: int) -> int:
        """How many crops a sample has."""
        return self.variants if self.samples[index].role == "subject" and self.crop_range != (1.0, 1.0) else 1

    def all(self) -> list[tuple[int, int]]:
        """Every (sample, variant), in order."""
        return [(index, variant) for index in range(len(self.samples)) for variant in range(self.count(index))]

    def crop(self, index: int, variant: int) -> Image.Image:
        """One square."""
        with Image.open(self.root / self.samples[index].image) as file:
            image = file.convert("RGB")
        chance = random.Random(derived_seed(self.seed, index, variant, "crop"))
        fixed = self.crop_range == (1.0, 1.0)
        box = center_box(image.size) if fixed else random_box(image.size, self.crop_range, chance)
        return fit(image, self.resolution_px, box)

    def key(self) -> str:
        """Changes with anything that changes a crop."""
        contents = [fingerprint((self.root / sample.image).resolve()) for sample in self.samples]
        settings = (self.resolution_px, self.crop_range, self.seed, self.all())
        return fingerprint({"contents": contents, "settings": settings})


class Latents(Protocol):
    """Mean and standard deviation of the latents of crops."""

    def moments(self, crops: Sequence[tuple[int, int]]) -> Moments:
        """Of the crops (sample, variant) in order."""


@dataclass(frozen=True)
class EncodedLatents:
    """Encodes at each call."""

    crops: Crops
    backbone: LoadedBackbone

    def moments(self, crops: Sequence[tuple[int, int]]) -> Moments:
        """Of the crops in order, each encoded alone: a result depends on the crop, not on its company."""
        pixels = pixels_pm1([self.crops.crop(*crop) for crop in crops])
        with torch.autocast(self.backbone.device.type, enabled=False):
            means, stds = zip(*(self.backbone.encode(part) for part in pixels.split(1)), strict=True)
        return torch.cat(means).contiguous(), torch.cat(stds).contiguous()


@dataclass(frozen=True)
class CachedLatents:
    """Everything encoded once."""

    crops: Crops
    mean: Float[Tensor, "crops channels height width"]
    std: Float[Tensor, "crops channels height width"]

    @cached_property
    def _place(self) -> dict[tuple[int, int], int]:
        return {crop: place for place, crop in enumerate(self.crops.all())}

    def moments(self, crops: Sequence[tuple[int, int]]) -> Moments:
        """Of the crops in order."""
        places = torch.tensor([self._place[crop] for crop in crops], device=self.mean.device)
        return self.mean[places], self.std[places]


def cached_latents(crops: Crops, backbone: LoadedBackbone, file: Path) -> CachedLatents:
    """Reads the cache, or encodes all crops and writes it.

    Stored in float32 as encoded, so that a resumed run reads the very same numbers.
    """
    key, device = crops.key(), backbone.device
    if file.is_file():
        with safe_open(file, "pt", device=str(device)) as stored:
            if (stored.metadata() or {}).get("key") == key:
                return CachedLatents(crops, stored.get_tensor("mean"), stored.get_tensor("std"))
    wanted = crops.all()
    groups = [wanted[start : start + ENCODED_AT_ONCE] for start in range(0, len(wanted), ENCODED_AT_ONCE)]
    shown = track(groups, "latents", console=Console(stderr=True), transient=True)
    parts = [backbone.encode(pixels_pm1([crops.crop(*crop) for crop in group])) for group in shown]
    # in the layout that a resumed run reads: convolutions round differently on channels-last latents
    mean, std = (torch.cat(tensors).contiguous() for tensors in zip(*parts, strict=True))
    write_bytes(file, save({"mean": mean.cpu(), "std": std.cpu()}, {"key": key}))
    return CachedLatents(crops, mean, std)
