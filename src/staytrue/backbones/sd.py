"""Stable Diffusion 1.x and 2.x, and the miniature, which is one of them in everything but size."""

from __future__ import annotations

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

    def load(self, device: str = "cpu", dtype: torch.dtype | None = None) -> LoadedSD:
        """Loads the weights, in float32 unless told otherwise. Raises ``BackboneError``."""
        from staytrue.backbones.quiet import quiet

        with quiet():
            from staytrue.backbones.sd_loaded import load

            return load(self.files(), device, dtype)
