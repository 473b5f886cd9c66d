"""Which weights a checkpoint holds: a path may hold others tomorrow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from staytrue.runs import fingerprint

if TYPE_CHECKING:
    from staytrue.backbones.base import Backbone

MODEL_FILES = frozenset({".safetensors", ".bin", ".json", ".txt"})


def backbone_identity(backbone: Backbone) -> str:
    """A fingerprint of the backbone's weights and prediction type: equal for a checkpoint and its copy elsewhere.

    A hub id is its commit, since its weights may not be here yet. A single file is also the user's configurations, which say the
    noise schedule and the scale of the latents.
    """
    files = backbone.files()  # type: ignore[attr-defined]
    local = backbone.path == "miniature" or Path(backbone.path).expanduser().exists()
    weights = weights_fingerprint(files.single or files.folder) if local else f"{backbone.path}@{files.folder.name}"
    configured = [weights_fingerprint(files.folder)] if files.single and getattr(backbone, "config", None) else []
    return fingerprint([weights, getattr(backbone, "variant", None), files.prediction(), *configured])


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
