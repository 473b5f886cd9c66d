"""Restorers and upscalers from one file, through spandrel, which tells the architecture by the names of the weights.

A file that holds anything but tensors is refused: ``.safetensors`` cannot, and others are read with ``weights_only``. (spandrel's
own reader of ``.pth`` files passes a pickle module of its own to ``torch.load``, which recent torch refuses together with it.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from staytrue.errors import BackboneError, MissingExtraError

PICKLES = (".pth", ".pt", ".ckpt")
INSTALL = "pip install 'staytrue[restore]'"
BORROWED = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


def load_file(path: Path, device: str = "cpu", architectures: Any = None) -> Any:
    """A spandrel model, ready to be called with pictures in [0, 1].

    Args:
        path: the weights.
        device: to load them to.
        architectures: spandrel's registry of them; None for those of its core, which all have permissive licences.

    Raises:
        MissingExtraError: spandrel, or what this architecture needs, is not installed.
        BackboneError: no such file, not a weight file, a broken one, a pickle that holds more than tensors, an unknown
            architecture, or a network that makes no colored picture of another.
    """
    loaded, weights = spandrel(), tensors(path)
    reader = loaded.ModelLoader("cpu", architectures or loaded.MAIN_REGISTRY)
    try:
        network = reader.load_from_state_dict(loaded.canonicalize_state_dict(weights))
    except loaded.UnsupportedModelError as error:
        raise BackboneError(
            f"{path} is of no architecture that spandrel {loaded.__version__} knows; "
            "ESRGAN, SwinIR, SCUNet, NAFNet, GFPGAN and many others are"
        ) from error
    except MissingExtraError:
        raise
    except Exception as error:  # architectures look at weights before they know them: wrong ones fail in any way
        raise BackboneError(
            f"{path} does not hold the weights of one whole network ({_first_line(error)}); get it anew, or name another file"
        ) from error
    colored = network.input_channels == network.output_channels == 3
    if not (colored and isinstance(network, loaded.ImageModelDescriptor)):
        raise BackboneError(
            f"{path} ({network.architecture.name}) does not make a colored picture of a colored picture; name a restorer or"
            " upscaler that does"
        )
    return network.to(device).eval()


def tensors(path: Path) -> dict[str, Any]:
    """The weights of a file, and nothing else that could run. Raises ``BackboneError``."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file as load_safetensors

    require_file(path)
    if path.suffix == ".safetensors":
        try:
            return load_safetensors(path)
        except SafetensorError as error:
            raise BackboneError(
                f"{path} is broken, or no safetensors file ({_first_line(error)}); get it anew, or name another file"
            ) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle is a program: a broken one fails in any way
        raise BackboneError(
            f"{path} holds more than tensors, or is broken, and was not opened: a pickle can run any program. "
            "Look for the same model as .safetensors"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def require_file(path: Path) -> None:
    """Raises ``BackboneError`` where there is no such file, or one that is not read here."""
    if not path.is_file():
        raise BackboneError(f"there is no model file {path}; name a .safetensors or .pth file that is on this machine")
    if path.suffix not in (".safetensors", *PICKLES):
        raise BackboneError(f"{path} is not a weight file that is read here: .safetensors, or {', '.join(PICKLES)}")


def at_hand() -> bool:
    """Whether spandrel is installed."""
    return find_spec("spandrel") is not None


def spandrel() -> Any:
    """The package. Raises ``MissingExtraError``.

    Two of its architectures (LaMa, RestoreFormer) import torchvision, all others do without; where torchvision is absent,
    those two cannot run, and the rest should.
    """
    try:
        with _torchvision_or_placeholder():
            import spandrel as package
    except ImportError as error:
        raise MissingExtraError(f"restoring with a model file needs spandrel: {INSTALL}") from error
    return package


@contextmanager
def _torchvision_or_placeholder() -> Iterator[None]:
    """Lets an import of torchvision's names pass for as long as this lasts; using one raises ``MissingExtraError``."""
    if "spandrel" in sys.modules or find_spec("torchvision"):
        yield
        return
    sys.modules.update({name: _Placeholder(name) for name in BORROWED})
    try:
        yield
    finally:
        for name in BORROWED:
            del sys.modules[name]


class _Placeholder(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> None:
            raise MissingExtraError(f"this architecture needs torchvision's {name}: pip install torchvision")

        return missing
