"""An encoder's files: where they are, and the hash that names them for good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from staytrue.errors import BackboneError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def load_frozen(model_class: Any, checkpoint: str, **options: Any) -> Any:
    """A transformers model from a folder or hub id: float32, evaluation mode, without gradients.

    Raises:
        BackboneError: it cannot be found or read, with what to do.
    """
    with reading(checkpoint):
        return model_class.from_pretrained(checkpoint, dtype="float32", **options).eval().requires_grad_(False)


@contextmanager
def reading(checkpoint: str) -> Iterator[None]:
    """Turns what libraries raise for files that are absent or broken into a ``BackboneError`` with what to do."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        raise BackboneError(
            f"the judge {checkpoint} cannot be loaded ({str(error).splitlines()[0]}); "
            "download it while online, or name a folder that holds it, such as "
            "evaluate.metrics.dino.judge=/models/dino-vits16"
        ) from error


def at_hand(checkpoint: str) -> bool:
    """Whether the weights are on this machine: in a folder, or in the hub's cache."""
    return bool(_weights(checkpoint))


def require_side(checkpoint: str, expected_px: int, given_px: int) -> None:
    """Raises ``BackboneError`` where the encoder sees squares of another side than its transform makes."""
    if expected_px != given_px:
        raise BackboneError(
            f"the judge {checkpoint} sees {expected_px} px squares, but its transform makes {given_px} px; "
            "name a local folder, whose config.json tells the side"
        )


def weights_sha256(checkpoint: str) -> str:
    """The sha256 of the weight file, as ``sha256sum`` prints it; of several shards, the hash of their hashes."""
    shards = _weights(checkpoint)
    if not shards:
        raise BackboneError(f"the judge {checkpoint} has no weights ({' or '.join(WEIGHTS)})")
    hashes = [hashlib.sha256(shard.read_bytes()).hexdigest() for shard in shards]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _weights(checkpoint: str) -> list[Path]:
    """The weight files there are: of a folder its safetensors, or else the older form, or ONNX."""
    folder = Path(checkpoint)
    if not folder.is_dir():
        return _cached(checkpoint)
    older = [p for p in (folder / name for name in WEIGHTS) if p.is_file()]
    return sorted(folder.glob("*.safetensors")) or older or sorted(folder.glob("*.onnx"))


def _cached(checkpoint: str) -> list[Path]:
    """The weight file of a hub id in the cache, where loading puts it; none of what is no hub id."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(checkpoint, name) for name in WEIGHTS]
    except HFValidationError:
        return []
    return [Path(path) for path in found if isinstance(path, str)][:1]
