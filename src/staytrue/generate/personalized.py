"""The trained model: what training exported, loaded onto the backbone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from staytrue.errors import BackboneError

if TYPE_CHECKING:
    from staytrue.backbones.base import LoadedBackbone

LORA_FILE = "pytorch_lora_weights.safetensors"
PIPELINE_FILE = "model_index.json"


def personalize(backbone: LoadedBackbone, folder: Path) -> None:
    """Turns a loaded base model into the personalized one, in place.

    What training left says itself what it is: LoRA safetensors, or a whole pipeline folder. So pictures come from the
    files that a user takes away, not from the training process.

    Raises:
        BackboneError: the folder holds neither.
    """
    from staytrue.adapters.full import Full
    from staytrue.adapters.lora import Lora

    if (folder / LORA_FILE).is_file():
        Lora().load_export(backbone, folder)
    elif (folder / PIPELINE_FILE).is_file():
        Full().load_export(backbone, folder)
    else:
        raise BackboneError(
            f"no trained model in {folder} (neither {LORA_FILE} nor {PIPELINE_FILE}); "
            "run `staytrue train` on this run first"
        )
