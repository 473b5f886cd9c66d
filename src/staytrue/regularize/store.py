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
MODEL_FILES = frozenset({".safetensors", ".bin", ".json", ".txt"})


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


def weights_fingerprint(path: Path) -> str:
    """A hash that tells checkpoints apart without reading gigabytes.

    Weights and configurations count, a folder's README and its ``facts.json`` (words, title) do not. Small files
    count whole; of a large one its size and 64 KiB at 17 evenly spaced places: two trainings differ in nearly every
    weight, so also there.
    """
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [p for p in inside if p.is_file() and p.suffix in MODEL_FILES and p.name != "facts.json"]
    return fingerprint([(str(p.relative_to(path)), p.stat().st_size, fingerprint_samples(p)) for p in files])


def fingerprint_samples(path: Path, places: int = 17, chunk: int = 1 << 16) -> str:
    """Hash of a file, or of ``places`` evenly spaced chunks of a file larger than these."""
    size = path.stat().st_size
    if size <= places * chunk:
        return fingerprint(path)
    with path.open("rb") as file:
        parts = []
        for place in range(places):
            file.seek((size - chunk) * place // (places - 1))
            parts.append(file.read(chunk).hex())
    return fingerprint(parts)
