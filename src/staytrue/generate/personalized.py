"""The trained model: what training exported, loaded onto the backbone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from staytrue.adapters import ADAPTERS, Lora
from staytrue.errors import BackboneError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from staytrue.backbones.base import LoadedBackbone
    from staytrue.generate.config import LoraSource


def personalize(
    backbone: LoadedBackbone, folder: Path, loras: Sequence[LoraSource] = (), own_weight: float = 1.0
) -> None:
    """Turns a loaded base model into the personalized one, in place.

    What training left says itself what it is, by its file. So pictures come from the files that a user takes away, not from the
    training process.

    Args:
        backbone: freshly loaded.
        folder: ``4-training/model``.
        loras: of other trainings, beside it; one of weight 0 is as if it were not there.
        own_weight: of the LoRA in ``folder``; of 0 the same.

    Raises:
        BackboneError: the folder holds no model.
        ConfigError: two of the models claim the same identifier, or there is no LoRA to weigh.
    """
    found = next((adapter for adapter in ADAPTERS if (folder / adapter.file).is_file()), None)
    if found is None:
        files, done = ", ".join(adapter.file for adapter in ADAPTERS), folder.parent / "manifest.json"
        remedy = (
            f"put it back, or delete {done} to train again"
            if done.is_file()
            else "run `staytrue train` on this run first"
        )
        raise BackboneError(f"no trained model in {folder} (none of {files}); {remedy}")
    if found is not Lora and own_weight != 1.0:
        raise ConfigError(f"generate.lora_weight: this run was trained with {found().name}, and has no LoRA to weigh")
    own = [(folder, own_weight)] if found is Lora else []
    weighted = [(path, weight) for path, weight in own + [(one.place(), one.weight) for one in loras] if weight]
    _refuse_rivals([*([] if found is Lora else [folder]), *(path for path, _ in weighted)])
    if found is not Lora:
        found().load_export(backbone, folder)
    if weighted:
        from staytrue.adapters.lora import load_loras

        load_loras(backbone, weighted)


def _refuse_rivals(folders: Sequence[Path]) -> None:
    """Two token rows for one word cannot both be loaded."""
    from staytrue.adapters.token_files import token_files

    owners: dict[str, Path] = {}
    for folder in folders:
        for file in token_files(folder):
            if owners.setdefault(file.identifier, folder) != folder:
                raise ConfigError(
                    f"{owners[file.identifier]} and {folder} both trained the word {file.identifier!r}; train one of them"
                    " again with another --identifier"
                )
