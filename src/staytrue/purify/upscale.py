"""Down, then up with a diffusion upscaler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from staytrue.errors import BackboneError
from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image

    from staytrue.purify.base import Cleaner
    from staytrue.purify.tools import Tools

FACTOR, GRAIN_PX = 4, 8
INDEX = "model_index.json"


@component
class Upscale:
    """Shrinks the photo to ``side_px`` and lets Stable Diffusion's x4 upscaler draw it large again, told the class.

    Source: the second half of DiffShortcut's CodeSR (arXiv 2406.18944, section 4.1; its code: to 128 x 128, prompt "A photo of a
    {class}", 75 steps, guidance 9, noise level 20). The shrinking is where most of a perturbation goes.
    Difference: the photo keeps its shape (there it is squeezed into a square) and is brought back to its size; a photo's chance
    is its own, so the same photo gives the same picture.
    Known to fail: faces and letters smaller than about 40 px at ``side_px`` are invented; on drawings it adds a photo's texture.

    Attributes:
        model: folder or hub id of a ``StableDiffusionUpscalePipeline``.
        side_px: of the shorter side in between.
        prompt: ``{}`` is the class noun with its article.
        steps: of its solver.
        guidance: weight of the prompt.
        noise_level: of the noise added to the small picture, 0 to 350.
    """

    name: Literal["upscale"] = "upscale"
    model: str = "stabilityai/stable-diffusion-x4-upscaler"
    side_px: int = Field(default=128, ge=8)
    prompt: str = "A photo of {}"
    steps: int = Field(default=75, ge=1)
    guidance: float = Field(default=9.0, ge=1)
    noise_level: int = Field(default=20, ge=0, le=350)

    def require(self, tools: Tools) -> None:
        """Raises ``BackboneError`` where there is no such folder or hub id."""
        upscaler_folder(self.model, tools)

    def identity(self, tools: Tools) -> list[str]:
        """The content of the folder, or the commit of the hub id."""
        from staytrue.backbones.identity import weights_fingerprint

        folder = upscaler_folder(self.model, tools)
        local = Path(self.model).expanduser().is_dir()
        return [weights_fingerprint(folder) if local else f"{self.model}@{folder.name}"]

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning, with the upscaler's weights. Raises ``BackboneError``."""
        from PIL import Image

        from staytrue.purify.noising import generator
        from staytrue.purify.scaled import working_size

        pipeline = tools.once(("upscaler", self.model), lambda: upscaler(self.model, tools))
        prompt = tools.prompt(self.prompt)

        def clean(image: Image.Image) -> Image.Image:
            small = image.resize(working_size(image.size, self.side_px, GRAIN_PX), Image.Resampling.BICUBIC)
            large = pipeline(
                prompt,
                image=small,
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                noise_level=self.noise_level,
                generator=generator(image, "upscale", tools.seed),
            ).images[0]
            return large.convert("RGB").resize(image.size, Image.Resampling.BICUBIC)

        return clean


def upscaler_folder(model: str, tools: Tools) -> Path:
    """Where the pipeline is; of a hub id its index is fetched, and nothing else. Raises ``BackboneError``."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    folder = Path(model).expanduser()
    try:
        folder = folder if folder.is_dir() else Path(snapshot_download(model, allow_patterns=[INDEX]))
        if not (folder / INDEX).is_file():
            raise FileNotFoundError(f"it has no {INDEX}")
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise _unusable(model, tools, error) from error
    return folder


def upscaler(model: str, tools: Tools) -> Any:
    """The pipeline, in float16 on a GPU. Raises ``BackboneError`` with what to do."""
    import torch
    from diffusers import StableDiffusionUpscalePipeline

    dtype = torch.float16 if tools.device.startswith("cuda") else torch.float32
    try:
        place = folder if (folder := Path(model).expanduser()).is_dir() else model
        pipeline = StableDiffusionUpscalePipeline.from_pretrained(place, dtype=dtype, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise _unusable(model, tools, error) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(tools.device)


def _unusable(model: str, tools: Tools, error: Exception) -> BackboneError:
    return BackboneError(
        f"the upscaler {model} cannot be loaded ({str(error).splitlines()[0]}); download it while online, "
        f"or name a folder that holds it: {tools.section}.model=/models/x4-upscaler"
    )
