"""The store of class images: content-addressed, one file each, shared by subjects and runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.runs import fingerprint, write_bytes

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

LATENT = "latent"


@dataclass(frozen=True)
class ClassImageStore:
    """A folder of ``<hash>.png``, some with ``<hash>.safetensors`` beside them. No file is ever half there.

    Attributes:
        root: the folder.
    """

    root: Path

    def picture(self, recipe: dict[str, Any]) -> Path:
        """Where the picture made by this recipe (generator, prompt, seed, sampling, size) is, or will be."""
        return self.root / f"{fingerprint(recipe)[:32]}.png"

    def put(self, recipe: dict[str, Any], image: Image.Image) -> None:
        """Stores a picture, its recipe in the PNG's text."""
        from staytrue.images.metadata import png_bytes

        write_bytes(self.picture(recipe), png_bytes(image, recipe))

    def put_latent(self, recipe: dict[str, Any], latent: Tensor) -> None:
        """Stores the scaled latent (channels, height, width) the picture was decoded from, float32."""
        from safetensors.torch import save

        write_bytes(latent_beside(self.picture(recipe)), save({LATENT: latent.float().contiguous()}))


def latent_beside(picture: Path) -> Path:
    """The file of a picture's latent, whether or not there is one."""
    return picture.with_suffix(".safetensors")
