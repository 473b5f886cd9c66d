"""LoRA: low-rank updates beside frozen weights. A few megabytes that stock diffusers loads."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from staytrue.adapters.base import Trained
from staytrue.errors import BackboneError, ConfigError
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import nn

    from staytrue.backbones.base import LoadedBackbone

FILE = "pytorch_lora_weights.safetensors"
PARTS = {"denoiser": "unet", "text_encoder": "text_encoder"}
TEXT_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj"]


@component
class Lora(Trained):
    """Trains W + (alpha / rank) B A, with A random and B zero at the start, on chosen layers.

    Args:
        rank: of the update.
        alpha: scale; None means the same as ``rank``, so that the factor is 1.
        layers: of the denoiser, by the ends of their names; the default is what diffusers' own scripts train.
        text_encoder: whether the text encoder's attention is trained too.
        token: whether the identifier's token row is trained, as a parameter of its own ("pivotal tuning").
        initializers: the word each subject's row starts as, in the order of the subjects; empty keeps the identifier's own
            present row, or the mean of its pieces where it becomes a new token.

    Source: Hu et al. 2021 (arXiv 2106.09685), section 4.1. Alpha travels in the file's metadata, where converters often lose it.
    """

    file: ClassVar[str] = FILE

    name: Literal["lora"] = "lora"
    rank: int = Field(default=8, ge=1)
    alpha: float | None = Field(default=None, gt=0)
    layers: tuple[str, ...] = Field(default=("to_q", "to_k", "to_v", "to_out.0"), min_length=1)
    text_encoder: bool = False
    token: bool = False
    initializers: tuple[str, ...] = ()

    @property
    def trains(self) -> frozenset[str]:
        """The denoiser, and what is asked for besides."""
        return frozenset(["denoiser", *["text_encoder"] * self.text_encoder, *["token"] * self.token])

    def attach(
        self,
        backbone: LoadedBackbone,
        identifiers: Sequence[str] = (),
        keep_base: bool = False,  # noqa: ARG002
        nouns: Sequence[str] = (),  # noqa: ARG002
    ) -> dict[str, list[nn.Parameter]]:
        """Injects the updates. The base stays in place, so keeping it costs nothing."""
        from peft import LoraConfig

        from staytrue.adapters.token_rows import attach_rows, starting_words

        _check_layers(self.layers, backbone.trainable_modules()["denoiser"])
        groups = {}
        for name, module in self._trained(backbone).items():
            module.add_adapter(LoraConfig(**self._settings(PARTS[name])))
            groups[name] = [p for p in module.parameters() if p.requires_grad]
            module.train()
        if self.token:  # after the updates: injecting those freezes everything else
            groups["token"] = attach_rows(backbone, starting_words(identifiers, self.initializers))
        return groups

    @contextmanager
    def frozen(self, backbone: LoadedBackbone) -> Iterator[None]:
        """Turns the updates off."""
        import torch

        from staytrue.adapters.token_rows import untrained_rows

        # ``enable_adapters(True)`` would also restore requires_grad; setting the flag alone leaves that untouched
        layers = [layer for module in self._trained(backbone).values() for layer in _lora_layers(module)]
        for layer in layers:
            layer._disable_adapters = True
        try:
            with untrained_rows(backbone), torch.no_grad():
                yield
        finally:
            for layer in layers:
                layer._disable_adapters = False

    def export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """``pytorch_lora_weights.safetensors`` for ``load_lora_weights``, alpha and rank in its metadata; token rows beside it.

        The text encoder's layers begin with ``text_model``, as in every LoRA that kohya, ComfyUI or an older diffusers knows.
        transformers 5.6 left that out of the module; diffusers reads both.
        """
        from diffusers import StableDiffusionPipeline
        from diffusers.utils import convert_state_dict_to_diffusers
        from peft.utils import get_peft_model_state_dict

        from staytrue.adapters.token_files import export_rows

        trained = {PARTS[name]: module for name, module in self._trained(backbone).items()}
        layers = {
            f"{part}_lora_layers": convert_state_dict_to_diffusers(get_peft_model_state_dict(module))
            for part, module in trained.items()
        }
        if "text_encoder" in trained and not hasattr(trained["text_encoder"], "text_model"):
            flat = layers["text_encoder_lora_layers"]
            layers["text_encoder_lora_layers"] = {f"text_model.{name}": tensor for name, tensor in flat.items()}
        # peft's own record of the configuration would carry the local path of the base model along
        metadata = {f"{part}_lora_adapter_metadata": self._settings(part) for part in trained}
        StableDiffusionPipeline.save_lora_weights(folder, **layers, **metadata)
        export_rows(backbone, folder)

    def load_export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Loads them the way a user would."""
        load_loras(backbone, [(folder, 1.0)])

    def _settings(self, part: str) -> dict[str, Any]:
        alpha = self.alpha if self.alpha is not None else self.rank
        layers = list(self.layers) if part == "unet" else TEXT_LAYERS
        return {"r": self.rank, "lora_alpha": alpha, "target_modules": layers}

    def _trained(self, backbone: LoadedBackbone) -> dict[str, Any]:
        modules = backbone.trainable_modules()
        return modules if self.text_encoder else {"denoiser": modules["denoiser"]}


def load_loras(backbone: LoadedBackbone, weighted: Sequence[tuple[Path, float]]) -> None:
    """Loads exported LoRAs side by side: W + sum_i weight_i (alpha_i / rank_i) B_i A_i, and the token rows of each.

    They were trained apart, so nothing keeps them from speaking to the same directions: where subjects merge or fade, lower the
    weights (0.5 to 0.8 each), or train the subjects together. A token row is not scaled by them.

    Args:
        backbone: freshly loaded; changed in place.
        weighted: folder of each export (or a LoRA file of any origin that diffusers reads), and its weight.

    Raises:
        BackboneError: one is of another model.
    """
    from staytrue.adapters.token_files import load_rows

    pipeline = backbone.pipeline()
    names = [f"lora_{number}" for number in range(len(weighted))]
    for name, (path, _) in zip(names, weighted, strict=True):
        _load_lora(pipeline, path, name)
        if path.is_dir():
            load_rows(backbone, path)
    pipeline.set_adapters(names, [weight for _, weight in weighted])


def _load_lora(pipeline: Any, path: Path, name: str) -> None:
    """Loads one; of another family diffusers loads nothing at times, and says so in its log alone."""
    import warnings

    folder, file = (path.parent, path.name) if path.is_file() else (path, FILE)
    try:
        with _of_the_denoiser_alone(), warnings.catch_warnings():  # that there is one already is what is asked for
            warnings.filterwarnings("ignore", "Already found a `peft_config`")
            pipeline.load_lora_weights(folder, weight_name=file, adapter_name=name)
        if not any(name in found for found in pipeline.get_list_adapters().values()):
            raise ValueError("none of its layers is one of the model's")
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackboneError(
            f"the LoRA {path} cannot be loaded ({reason}); it must be one of this family of models, such as Stable Diffusion"
            " 1.x: name another file, or give it the weight 0"
        ) from error


@contextmanager
def _of_the_denoiser_alone() -> Iterator[None]:
    """Most LoRAs have nothing for the text encoder: diffusers asks to open an issue. What lacks a denoiser is said."""
    log = logging.getLogger("diffusers.loaders.lora_base")

    def matters(record: logging.LogRecord) -> bool:
        return "prefix='text_encoder'" not in record.getMessage()

    log.addFilter(matters)
    try:
        yield
    finally:
        log.removeFilter(matters)


def _check_layers(layers: Sequence[str], denoiser: nn.Module) -> None:
    """Raises ``ConfigError`` where a name is the end of no layer's: peft would train the others and say nothing."""
    from torch import nn

    names = [name for name, module in denoiser.named_modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    if strays := [layer for layer in layers if not any(f".{name}".endswith(f".{layer}") for name in names)]:
        ends = sorted({end for name in names if not (end := name.rpartition(".")[2]).isdigit()})
        raise ConfigError(
            f"train.adapter.layers: no layer of the denoiser ends in {', '.join(strays)}; there are: {', '.join(ends)}"
        )


def _lora_layers(module: nn.Module) -> list[Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [layer for layer in module.modules() if isinstance(layer, BaseTunerLayer)]
