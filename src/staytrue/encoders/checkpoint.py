"""An encoder's files: where they are, and the hash that names them for good."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from staytrue.errors import BackboneError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def load_frozen(model_class: Any, checkpoint: str, **options: Any) -> Any:
    """A transformers model from a folder or hub id: float32, evaluation mode, without gradients.

    Raises:
        BackboneError: it cannot be found or read, with what to do.
    """
    try:
        model = model_class.from_pretrained(checkpoint, dtype="float32", **options)
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"the judge {checkpoint} cannot be loaded ({str(error).splitlines()[0]}); "
            "download it while online, or name a folder that holds it, such as "
            "evaluate.metrics.dino.judge=/models/dino-vits16"
        ) from error
    return model.eval().requires_grad_(False)


def require_side(checkpoint: str, expected_px: int, given_px: int) -> None:
    """Raises ``BackboneError`` where the encoder sees squares of another side than its transform makes."""
    if expected_px != given_px:
        raise BackboneError(
            f"the judge {checkpoint} sees {expected_px} px squares, but its transform makes {given_px} px; "
            "name a local folder, whose config.json tells the side"
        )


def weights_sha256(checkpoint: str) -> str:
    """The sha256 of the weight file, as ``sha256sum`` prints it; of several shards, the hash of their hashes."""
    shards = sorted(Path(checkpoint).glob("*.safetensors")) if Path(checkpoint).is_dir() else _cached(checkpoint)
    if not shards and Path(checkpoint).is_dir():
        shards = [p for p in (Path(checkpoint) / name for name in WEIGHTS) if p.is_file()]
    if not shards:
        raise BackboneError(f"the judge {checkpoint} has no weights ({' or '.join(WEIGHTS)})")
    hashes = [hashlib.sha256(shard.read_bytes()).hexdigest() for shard in shards]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _cached(checkpoint: str) -> list[Path]:
    """The weight file of a hub id, which loading has just put into the cache."""
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(checkpoint, name) for name in WEIGHTS]
    return [Path(path) for path in found if isinstance(path, str)][:1]
