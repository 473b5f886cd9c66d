"""Encoded crops of class images, kept beside the pictures for every later run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from staytrue.backbones.base import LoadedBackbone
from staytrue.runs import fingerprint, write_bytes

Moments = tuple[Float[Tensor, "rows channels height width"], Float[Tensor, "rows channels height width"]]


@dataclass(frozen=True)
class CropStore:
    """A folder of ``<hash>.safetensors``, each the moments of one group of crops.

    A group is encoded together and kept together, so that what a run reads has the bits that it would have made, killed and
    resumed or not.

    Args:
        folder: where.
        encoder: tells autoencoders apart (``encoder_fingerprint``).
    """

    folder: Path
    encoder: str

    def moments(self, made_from: Any, encode: Callable[[], Moments], device: torch.device) -> Moments:
        """Those kept for this group, or else the newly encoded ones, kept from now on.

        Args:
            made_from: all that tells the group: its pictures, boxes, size.
            encode: makes them.
            device: to put them on; other kinds of devices round differently, and keep their own.
        """
        file = self.folder / f"{fingerprint([self.encoder, device.type, made_from])[:32]}.safetensors"
        try:
            found = load_file(file, device=str(device))
            return found["mean"], found["std"]
        except (FileNotFoundError, SafetensorError):  # a disk that failed: made anew
            mean, std = (tensor.contiguous() for tensor in encode())
            write_bytes(file, save({"mean": mean.cpu(), "std": std.cpu()}))
            return mean, std


def encoder_fingerprint(backbone: LoadedBackbone) -> str:
    """A hash of the autoencoder's encoding half, as it is in memory."""
    digest = hashlib.sha256(repr(sorted(backbone.vae.config.items())).encode())
    for name, tensor in sorted(backbone.vae.state_dict().items()):
        if not name.startswith(("decoder.", "post_quant_conv.")):
            digest.update(name.encode())
            digest.update(tensor.detach().contiguous().cpu().view(torch.uint8).numpy())
    return digest.hexdigest()
