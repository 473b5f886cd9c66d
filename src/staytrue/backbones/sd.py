"""Stable Diffusion 1.x and 2.x, and the miniature, which is one of them in everything but size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from staytrue.backbones.sd_files import SDFiles, locate
from staytrue.registry import component
from staytrue.types import Facts

if TYPE_CHECKING:
    import torch

    from staytrue.backbones.sd_loaded import LoadedSD


@component
class SD:
    """A text-to-image model with a UNet, a CLIP text encoder and an autoencoder.

    Args:
        path: "miniature" (embedded), a diffusers folder, a single .safetensors file, or a hub id such as
            "stable-diffusion-v1-5/stable-diffusion-v1-5".
        revision: of a hub id: branch, tag or commit.
        variant: of a folder's or hub id's weight files, such as "fp16".
        prediction: what the network predicts; "auto" reads it from the checkpoint. A single file often does not say.
        config: folder of the configuration files of a single file; None takes the ones of SD 1.x or 2.x that ship here.
    """

    name: Literal["sd"] = "sd"
    path: str = "miniature"
    revision: str | None = None
    variant: str | None = None
    prediction: Literal["auto", "epsilon", "v_prediction"] = "auto"
    config: str | None = None

    def files(self) -> SDFiles:
        """Where the checkpoint's files are. Raises ``BackboneError``."""
        return locate(self)

    def facts(self) -> Facts:
        """What the checkpoint is, without its weights. Raises ``BackboneError``."""
        return self.files().facts()

    def stock_code(self) -> str:
        """Lines of Python that load it with diffusers' ``StableDiffusionPipeline``."""
        single = Path(self.path).expanduser().is_file()
        path = "PATH/TO/staytrue/assets/miniature" if self.path == "miniature" else self.path
        options = {"config": self.config} if single else {"revision": self.revision, "variant": self.variant}
        given = "".join(f", {name}={json.dumps(value)}" for name, value in options.items() if value)
        way = "from_single_file" if single else "from_pretrained"
        code = f"pipeline = StableDiffusionPipeline.{way}({json.dumps(path)}{given})\n"
        # diffusers knows nothing of what the user said, and guesses what a single file predicts
        prediction = self.facts().prediction if single else self.prediction
        if prediction == "auto":
            return code
        return code + (
            "pipeline.scheduler = pipeline.scheduler.from_config("
            f'pipeline.scheduler.config, prediction_type="{prediction}")\n'
        )

    def load(self, device: str = "cpu", dtype: torch.dtype | None = None) -> LoadedSD:
        """Loads the weights, in float32 unless told otherwise. Raises ``BackboneError``."""
        from staytrue.backbones.quiet import quiet

        with quiet():
            from staytrue.backbones.sd_loaded import load

            return load(self.files(), device, dtype)
