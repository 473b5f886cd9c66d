"""What a training keeps in memory besides activations, said before the first step."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from staytrue.train.latents import CachedLatents, Latents
from staytrue.train.predictor import BackbonePredictor
from staytrue.train.state import State


def memory_bytes(state: State, predictor: BackbonePredictor, latents: Latents) -> dict[str, int]:
    """Bytes by what they are for; what takes none is left out.

    The frozen reference of an anchor is a copy of what ``full`` trains; a LoRA turns itself off instead and needs none.
    Not counted is what only training brings: up to ``predictor.KEPT_TEXTS`` encoded texts, what the frozen base said of a
    ``noise_pool``, and the CLIP of ``train.select`` (0.6 GB for OpenAI's ViT-B/32).
    """
    backbone, trained = state.backbone, _bytes(state.parameters())
    modules: list[nn.Module] = [backbone.unet, backbone.text_encoder, backbone.vae]
    found = {
        "model": sum(_bytes(module.parameters()) for module in modules),
        "gradients": trained,
        "optimizer": 2 * trained,
        "moving average": _bytes(state.ema.values()),
        "frozen reference": sum(_bytes(module.parameters()) for module in backbone.base.values()),
        "initial weights": predictor.initial_bytes(),
        "cached latents": _bytes([latents.mean, latents.std]) if isinstance(latents, CachedLatents) else 0,
    }
    return {name: count for name, count in found.items() if count}


def memory_line(found: dict[str, int]) -> str:
    """One line such as "memory: 3.1 GB without activations (model 0.9, gradients 0.5, ...)"."""
    parts = ", ".join(f"{name} {_gigabytes(count)}" for name, count in found.items())
    return f"memory: {_gigabytes(sum(found.values()))} GB without activations ({parts})"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2g}"


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
