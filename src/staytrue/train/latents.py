"""Latents of crops: encoded at each step, or once. Both are the same function of (sample, variant).

Class images, center-cropped whatever is done to photos, are encoded once and kept in their store, so that no later run encodes
them again. The photos' crops stay in the run's folder: they are private. On request a class image that the trained model drew
itself is trained on as the sampler's own latent, which lies beside it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from rich.console import Console
from rich.progress import track
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.randomness import derived_seed
from staytrue.images.crop import Box, center_box, fit, pixels_pm1, random_box
from staytrue.images.metadata import read_png, written_here
from staytrue.regularize.store import LATENT
from staytrue.runs import fingerprint, write_bytes
from staytrue.train.crop_store import CropStore, Moments, encoder_fingerprint
from staytrue.types import Frame, Sample

ENCODED_AT_ONCE = 8


@dataclass(frozen=True)
class Crops:
    """The squares that training sees.

    Args:
        root: of the run; samples' images are relative to it.
        samples: all rows.
        resolution_px: side of a square.
        crop_range: side of the crop of a subject's photo as a share of its shorter side; (1, 1) is the center crop, which
            class images have in any case.
        variants: crops of a subject's photo; a class image has one, and so has anything under the center crop.
        seed: of the run.
        stored: whether a whole class image's own latent is used where there is one.
    """

    root: Path
    samples: tuple[Sample, ...]
    resolution_px: int
    crop_range: tuple[float, float] = (1.0, 1.0)
    variants: int = 1
    seed: int = 0
    stored: bool = False

    def count(self, index: int) -> int:
        """How many crops a sample has."""
        return self.variants if self.samples[index].role == "subject" and self.crop_range != (1.0, 1.0) else 1

    def all(self) -> list[tuple[int, int]]:
        """Every (sample, variant), in order."""
        return [(index, variant) for index in range(len(self.samples)) for variant in range(self.count(index))]

    def crop(self, index: int, variant: int) -> Image.Image:
        """One square."""
        sample = self.samples[index]
        square = fit(read_png(self.root / sample.image), self.resolution_px, self.box(index, variant))
        return with_noise(square, sample.noise, self.content(index), variant) if sample.noise else square

    def box(self, index: int, variant: int) -> Box:
        """Its place in the picture."""
        sample = self.samples[index]
        size = _size(self.root / sample.image)
        if sample.role != "subject" or self.crop_range == (1.0, 1.0):
            return center_box(size)
        return random_box(size, self.crop_range, random.Random(derived_seed(self.seed, index, variant, "crop")))

    def frame(self, index: int, variant: int) -> Frame:
        """The same place, in pixels of the picture enlarged until the square has the side that is trained on."""
        size = _size(self.root / self.samples[index].image)
        left, top, right, _ = self.box(index, variant)
        scale = self.resolution_px / (right - left)
        return Frame(
            original_px=(round(size[0] * scale), round(size[1] * scale)),
            top_left_px=(round(left * scale), round(top * scale)),
            size_px=self.resolution_px,
        )

    def latent(self, index: int) -> Path | None:
        """The file with the latent of a whole class image, where it is kept."""
        sample = self.samples[index]
        whole = _size(self.root / sample.image) == (self.resolution_px,) * 2
        kept = self.root / sample.latent if self.stored and whole and sample.latent else None
        return kept if kept and kept.is_file() else None

    def key(self) -> str:
        """Changes with anything that changes a crop."""
        contents = [self.content(index) for index in range(len(self.samples))]
        latents = [index for index in range(len(self.samples)) if self.latent(index)]
        settings = (self.resolution_px, self.crop_range, self.seed, self.all(), latents)
        return fingerprint({"contents": contents, "settings": settings})

    def content(self, index: int) -> str:
        """A hash of the picture's file, and of what noise is put over it."""
        sample = self.samples[index]
        file = fingerprint((self.root / sample.image).resolve())
        return f"{file}+{sample.noise}" if sample.noise else file


def with_noise(image: Image.Image, levels: int, *purpose: str | int) -> Image.Image:
    """The picture with every value moved by so many levels of 255, up or down by chance, within what a picture can hold."""
    chance = np.random.default_rng(derived_seed(*purpose, "noise"))
    signs = 2 * chance.integers(0, 2, (*image.size[::-1], 3)) - 1
    moved = np.asarray(image.convert("RGB")).astype(int) + levels * signs
    return Image.fromarray(moved.clip(0, 255).astype(np.uint8))


def _size(path: Path) -> tuple[int, int]:
    """Width and height, read from the first bytes, once."""
    return _read_size(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1 << 14)
def _read_size(path: Path, changed_ns: int) -> tuple[int, int]:  # noqa: ARG001
    with written_here(path), Image.open(path) as image:
        return image.size


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
        with torch.autocast(self.backbone.device.type, enabled=False):
            means, stds = zip(*(self._of(crop) for crop in crops), strict=True)
        return torch.cat(means).contiguous(), torch.cat(stds).contiguous()

    def _of(self, crop: tuple[int, int]) -> Moments:
        if file := self.crops.latent(crop[0]):
            return kept_moments(file, self.backbone.device)
        return self.backbone.encode(pixels_pm1([self.crops.crop(*crop)]))


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


def cached_latents(
    crops: Crops, backbone: LoadedBackbone, file: Path, shared: CropStore | None = None
) -> CachedLatents:
    """Reads the cache, or encodes all crops and writes it.

    Stored in float32 as encoded, so that a resumed run reads the very same numbers.

    Args:
        crops: which ones.
        backbone: encodes.
        file: the run's own cache.
        shared: where groups of class images' crops are kept for other runs; None for nowhere.
    """
    key = fingerprint([crops.key(), shared.encoder if shared else encoder_fingerprint(backbone)])
    if kept := _kept(file, key, str(backbone.device)):
        return CachedLatents(crops, *kept)
    shown = track(_groups(crops), "latents", console=Console(stderr=True), transient=True)
    parts = [_group_moments(crops, backbone, group, shared) for group in shown]
    # in the layout that a resumed run reads: convolutions round differently on channels-last latents
    mean, std = (torch.cat(tensors).contiguous() for tensors in zip(*parts, strict=True))
    write_bytes(file, save({"mean": mean.cpu(), "std": std.cpu()}, {"key": key}))
    return CachedLatents(crops, mean, std)


def _kept(file: Path, key: str, device: str) -> Moments | None:
    """What the cache has; None of other crops or another autoencoder, and of a disk that failed."""
    try:
        with safe_open(file, "pt", device=device) as stored:
            same = (stored.metadata() or {}).get("key") == key
            return (stored.get_tensor("mean"), stored.get_tensor("std")) if same else None
    except (FileNotFoundError, SafetensorError):
        return None


def kept_moments(file: Path, device: torch.device) -> Moments:
    """A kept latent as moments: itself, without spread, for it is a picture's latent and no posterior of one."""
    latent = load_file(file)[LATENT][None].to(device)
    return latent, torch.zeros_like(latent)


def _groups(crops: Crops) -> list[list[tuple[int, int]]]:
    """All crops in order, at most eight at a time; a group has one role, and either kept latents or none.

    Class images are counted from their first, so that another number of photos moves no group.
    """
    groups: list[list[tuple[int, int]]] = []
    kinds: list[tuple[str, bool]] = []
    for crop in crops.all():
        kind = (crops.samples[crop[0]].role, crops.latent(crop[0]) is not None)
        if not groups or kind != kinds[-1] or len(groups[-1]) == ENCODED_AT_ONCE:
            groups.append([])
            kinds.append(kind)
        groups[-1].append(crop)
    return groups


def _group_moments(
    crops: Crops, backbone: LoadedBackbone, group: list[tuple[int, int]], shared: CropStore | None
) -> Moments:
    kept = [crops.latent(index) for index, _ in group]
    if all(kept):
        means, stds = zip(*(kept_moments(file, backbone.device) for file in kept if file), strict=True)
        return torch.cat(means), torch.cat(stds)

    def encode() -> Moments:
        return backbone.encode(pixels_pm1([crops.crop(*crop) for crop in group]))

    if shared is None or crops.samples[group[0][0]].role == "subject":
        return encode()
    made_from = [(crops.content(index), crops.box(index, variant)) for index, variant in group]
    return shared.moments([made_from, crops.resolution_px], encode, backbone.device)
