"""A restorer or upscaler from a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from staytrue.errors import ConfigError
from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from staytrue.purify.base import Cleaner
    from staytrue.purify.tools import Tools


@component
class Restore:
    """Repairs the photo with a network trained for that: any restorer or upscaler that spandrel knows.

    Formula: x <- f(x) at the backbone's resolution for a restorer; an upscaler by s gets the photo shrunk by s first, so that
    detail is drawn anew from what a perturbation has least of.
    Source: DiffShortcut's CodeSR (arXiv 2406.18944, section 4.1) with another network in the place of CodeFormer and the
    diffusion upscaler. The miniature has a restorer of its own (``foundry/models/restorer.py``), trained on noise, blur and
    JPEG, never on an attack.
    Known to fail: a network that was not trained on noise copies it; one trained on photos repaints drawings.

    Attributes:
        model: the file (.safetensors; .pth with tensors only); "auto" is the miniature's own beside the miniature.
        shrink: whether an upscaler gets the photo shrunk first; else its larger picture is shrunk after.
    """

    name: Literal["restore"] = "restore"
    model: str = "auto"
    shrink: bool = True

    def require(self, tools: Tools) -> None:
        """Raises ``ConfigError`` and ``BackboneError`` where there is no such file."""
        from staytrue.purify.spandrel_file import require_file

        require_file(self.file(tools))

    def identity(self, tools: Tools) -> list[str]:
        """The file's content, and the size that it works at."""
        from staytrue.backbones.identity import fingerprint_samples

        self.require(tools)
        return [fingerprint_samples(self.file(tools)), str(_side_px(tools))]

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning, with the network of the file. Raises ``ConfigError``, ``BackboneError``, ``MissingExtraError``."""
        from staytrue.purify.scaled import at_size, working_size
        from staytrue.purify.spandrel_file import load_file

        path = self.file(tools)
        network = tools.once(("spandrel", path), lambda: load_file(path, tools.device))
        scale = network.scale if self.shrink else 1
        side_px = _side_px(tools) // scale

        def clean(image: Image.Image) -> Image.Image:
            return at_size(image, working_size(image.size, side_px, 1), lambda pixels: restored(network, pixels))

        return clean

    def file(self, tools: Tools) -> Path:
        """Where the weights are. Raises ``ConfigError`` where "auto" means nothing."""
        if self.model != "auto":
            return Path(self.model).expanduser()
        own = Path(str(files("staytrue") / "assets" / "restorer" / "model.safetensors"))
        if tools.facts and tools.facts.is_miniature and own.is_file():
            return own
        raise ConfigError(
            f"{tools.section}.model: there is no restorer that comes with this backbone; name a file that spandrel reads, "
            f"such as {tools.section}.model=/models/scunet_color_real_psnr.pth"
        )


def _side_px(tools: Tools) -> int:
    return tools.facts.resolution_px if tools.facts else 512


def restored(network: Any, pixels_pm1: Tensor) -> Tensor:
    """What a spandrel network, which works in [0, 1], makes of a picture in [-1, 1]."""
    import torch

    with torch.no_grad():
        unit = network(((pixels_pm1 + 1) / 2).to(network.device, network.dtype))
    return unit.float().clamp(0, 1) * 2 - 1
