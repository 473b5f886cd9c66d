"""CodeFormer, behind the extra ``noncommercial``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.errors import MissingExtraError
from staytrue.purify.spandrel_file import load_file, spandrel

if TYPE_CHECKING:
    from PIL import Image

    from staytrue.purify.base import Cleaner

SIDE_PX = 512
INSTALL = "pip install 'staytrue[restore,noncommercial]' (CodeFormer's S-Lab licence: non-commercial use only)"


def load_codeformer(path: Path, fidelity: float, device: str) -> Cleaner:
    """A function from an aligned face of 512 px to the restored one.

    Raises:
        MissingExtraError: spandrel-extra-arches, which holds the architecture, is not installed.
        BackboneError: the file cannot be used.
    """
    network = load_file(path, device, _architectures())

    def restore(face: Image.Image) -> Image.Image:
        import torch

        from staytrue.images.crop import pixels_pm1, to_images

        with torch.no_grad():
            made = network.model(pixels_pm1([face]).to(network.device, network.dtype), weight=fidelity, adain=True)
        return to_images(made[0] if isinstance(made, tuple) else made)[0]

    return restore


def _architectures() -> Any:
    package = spandrel()
    try:
        from spandrel_extra_arches import EXTRA_REGISTRY
    except ImportError as error:
        raise MissingExtraError(f"the purifier code_sr restores faces with CodeFormer: {INSTALL}") from error
    registry = package.ArchRegistry()
    registry.add(*EXTRA_REGISTRY)
    return registry
