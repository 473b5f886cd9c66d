"""Cleaning at the size a model works in, and back: photos come in any size, models do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

from staytrue.images.crop import pixels_pm1, to_images

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone

    Work = Callable[[Float[Tensor, "1 3 height width"]], Float[Tensor, "1 3 height width"]]


def working_size(size: tuple[int, int], side_px: int, multiple: int) -> tuple[int, int]:
    """(width, height) with the shorter side at ``side_px``, or as it is where that is smaller; both sides multiples."""
    scale = min(1.0, side_px / min(size))
    width, height = (max(multiple, round(side * scale / multiple) * multiple) for side in size)
    return width, height


def as_seen(image: Image.Image, side_px: int | None) -> Image.Image:
    """A picture at the size that the model sees: larger ones with their shorter side at ``side_px``; None takes it as it is."""
    size = working_size(image.size, side_px or min(image.size), multiple=1)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def at_size(image: Image.Image, size: tuple[int, int], work: Work) -> Image.Image:
    """Brings the picture to ``size``, lets ``work`` turn it (in [-1, 1]) into another, and brings that back.

    What lies above ``size`` in detail is lost: a model trained at that size would not see it either.
    """
    small = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
    cleaned = to_images(work(pixels_pm1([small])))[0]
    return cleaned if cleaned.size == image.size else cleaned.resize(image.size, Image.Resampling.BICUBIC)


def grain_px(backbone: LoadedBackbone) -> int:
    """Sides that every level of the autoencoder and of the denoiser can halve are multiples of this."""
    facts = backbone.facts
    levels = len(getattr(backbone.unet.config, "block_out_channels", (0,)))
    return facts.resolution_px // facts.latent_shape[1] * 2 ** (levels - 1)


def native_size(image: Image.Image, backbone: LoadedBackbone) -> tuple[int, int]:
    """The size at which the backbone sees this picture whole."""
    return working_size(image.size, backbone.facts.resolution_px, grain_px(backbone))
