"""An encoder's files: where they are, and the hash that names them for good."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from staytrue.backbones.identity import fingerprint_samples
from staytrue.errors import BackboneError, ConfigError
from staytrue.runs import manifest_inputs

WEIGHTS = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Kind:
    """What an encoder reads.

    Attributes:
        types: what ``config.json`` may call itself (``model_type``).
        example: a checkpoint of this kind, for messages.
    """

    types: tuple[str, ...]
    example: str


def load_frozen(model_class: Any, checkpoint: str, kind: Kind, setting: str = "", **options: Any) -> Any:
    """A transformers model from a folder or hub id: float32, evaluation mode, without gradients.

    Args:
        model_class: that reads it.
        checkpoint: folder or hub id.
        kind: what it must be.
        setting: that names another, such as "evaluate.metrics.dino.judge", for messages.
        options: of ``from_pretrained``.

    Raises:
        BackboneError: it cannot be found or read, is of another kind, or lacks weights, which would be drawn at random; with what
            to do.
    """
    from transformers import PretrainedConfig

    options |= {"dtype": "float32", "ignore_mismatched_sizes": True, "output_loading_info": True}
    instead = f"{setting}={kind.example}" if setting else kind.example
    with reading(checkpoint, setting):
        found = PretrainedConfig.get_config_dict(checkpoint)[0].get("model_type", "none")
        if found not in kind.types:
            raise BackboneError(
                f"the judge {checkpoint} is of the type {found} (its config.json), and {' or '.join(kind.types)} is what is read"
                f" here; name such a one, such as {instead}"
            )
        model, told = model_class.from_pretrained(checkpoint, **options)
    if lacks := sorted({*told["missing_keys"], *(key for key, *_ in told["mismatched_keys"])}):
        raise BackboneError(
            f"the judge {checkpoint} lacks {len(lacks)} weights, or has them in another shape, such as {lacks[0]}: its numbers"
            f" would mean nothing. Get it anew, or name another, such as {instead}"
        )
    return model.eval().requires_grad_(False)


@contextmanager
def reading(checkpoint: str, setting: str = "") -> Iterator[None]:
    """Turns what libraries raise for files that are absent, broken or of another model into a ``BackboneError`` with what to do.

    Args:
        checkpoint: that is read.
        setting: that names another, such as "evaluate.metrics.dino.judge".
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        such = f", such as {setting}=/models/{Path(checkpoint).name}" if setting else ""
        reason = str(error).partition("\n")[0]
        raise BackboneError(
            f"the judge {checkpoint} cannot be loaded ({reason}); download it while online, or name a folder that holds it{such}"
        ) from error


def at_hand(checkpoint: str) -> bool:
    """Whether the weights are on this machine: in a folder, or in the hub's cache."""
    return bool(_weights(checkpoint))


def may_be_on_hub(checkpoint: str) -> bool:
    """Whether it is written as a hub id is, owner/name."""
    return bool(re.fullmatch(r"\w[\w.-]*/[\w.-]+", checkpoint))


def look_for(checkpoint: str, setting: str, otherwise: str) -> None:
    """Says in time that the weights are not on this machine: a warning where they may be downloaded when they are needed.

    Args:
        checkpoint: folder or hub id.
        setting: that names it, such as "inspect.clip".
        otherwise: the setting that does without.

    Raises:
        ConfigError: it is no hub id either.
    """
    if at_hand(checkpoint):
        return
    remedy = f"a folder that holds it: {setting}=/models/{Path(checkpoint).name}; to do without: {otherwise}"
    if not may_be_on_hub(checkpoint):
        raise ConfigError(f"{setting}: there is no model at {checkpoint}; name {remedy}")
    warnings.warn(
        f"the model {checkpoint} ({setting}) is not on this machine: unless it can be downloaded when its stage starts, the run"
        f" will stop there. Get it now with `hf download {checkpoint}`, or name {remedy}",
        stacklevel=3,
    )


def folder_at_hand(checkpoint: str) -> str:
    """Where the weights are on this machine; empty where they are not. Nothing that the folder lacks is downloaded from there."""
    return str(_weights(checkpoint)[0].parent) if at_hand(checkpoint) else ""


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


def weights_identity(checkpoint: str) -> str:
    """Tells the weights on this machine from others without reading them whole; empty where there are none."""
    return ".".join(fingerprint_samples(shard) for shard in _weights(checkpoint))


def named_weights(section: Any, stage: Path) -> dict[str, dict[str, str]]:
    """``{"named": {folder: identity}}`` of the weights in the folders that a section of the config names; {} where it names none.

    For a stage's inputs: a folder may hold other weights tomorrow. One that is gone counts as it was, so a complete stage stays so.

    Args:
        section: with encoders' folders under ``checkpoint`` or ``judge``, at any depth.
        stage: the stage's folder.
    """
    known, named = manifest_inputs(stage).get("named", {}), {}
    for checkpoint in _checkpoints(section):
        folder = os.path.expanduser(checkpoint)
        if identity := weights_identity(folder) if os.path.isdir(folder) else known.get(checkpoint):
            named[checkpoint] = identity
    return {"named": named} if named else {}


def _checkpoints(section: Any) -> Iterator[str]:
    inside = (
        {field.name: getattr(section, field.name) for field in fields(section)} if is_dataclass(section) else section
    )
    if isinstance(inside, list | tuple):
        inside = dict(enumerate(inside))
    for name, one in inside.items() if isinstance(inside, dict) else ():
        if name in ("checkpoint", "judge") and isinstance(one, str):
            yield one
        else:
            yield from _checkpoints(one)


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
