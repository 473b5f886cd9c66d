"""Full fine-tuning: every weight of the denoiser, and of the text encoder if asked, as DreamBooth does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor, nn

    from staytrue.backbones.base import LoadedBackbone

ATTRIBUTES = {"denoiser": "unet", "text_encoder": "text_encoder"}


@component
class Full:
    """Trains the weights themselves. The result is a whole pipeline folder.

    Args:
        text_encoder: whether the text encoder is trained too.
        token: whether the identifier's token row is trained, as a parameter of its own that starts from its present value.

    Source: DreamBooth (arXiv 2208.12242), section 3. Keeping the base for ``frozen`` costs a copy of what is trained.
    """

    name: Literal["full"] = "full"
    text_encoder: bool = False
    token: bool = False

    @property
    def trains_text(self) -> bool:
        """Whether encoded texts change while training."""
        return self.text_encoder or self.token

    def attach(
        self, backbone: LoadedBackbone, identifiers: Sequence[str] = (), keep_base: bool = False
    ) -> dict[str, list[nn.Parameter]]:
        """Unfreezes the modules; copies them first where the base is needed."""
        from copy import deepcopy

        from staytrue.adapters.token_rows import attach_rows

        modules = backbone.trainable_modules()
        if keep_base:
            backbone.base = {name: deepcopy(modules[name]) for name in self._copied()}
        groups = {name: list(modules[name].requires_grad_().parameters()) for name in self._trained()}
        if self.token:
            table = backbone.text_encoder.get_input_embeddings().weight
            groups["token"] = attach_rows(backbone.text_encoder, backbone.tokenizer, identifiers)
            if self.text_encoder:  # the table's other rows stay as they are: only the new row is the subject's
                table.requires_grad_(False)
                groups["text_encoder"] = [p for p in groups["text_encoder"] if p is not table]
        for name in self._trained():
            modules[name].train()
        return groups

    def state(self, backbone: LoadedBackbone) -> dict[str, Tensor]:
        """The trained tensors, live."""
        return _trained_tensors(backbone)

    def load_state(self, backbone: LoadedBackbone, state: dict[str, Tensor]) -> None:
        """Copies them back."""
        for name, tensor in _trained_tensors(backbone).items():
            tensor.copy_(state[name])

    @contextmanager
    def frozen(self, backbone: LoadedBackbone) -> Iterator[None]:
        """Swaps the kept copies in."""
        import torch

        kept = {name: getattr(backbone, ATTRIBUTES[name]) for name in backbone.base}
        for name, module in backbone.base.items():
            setattr(backbone, ATTRIBUTES[name], module)
        try:
            with torch.no_grad():
                yield
        finally:
            for name, module in kept.items():
                setattr(backbone, ATTRIBUTES[name], module)

    def export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """A diffusers pipeline folder; a trained token row is written into the embedding."""
        from staytrue.adapters.token_rows import attached_rows

        rows = attached_rows(backbone.text_encoder)
        if rows is not None:
            backbone.text_encoder.set_input_embeddings(rows.merged())
        try:
            backbone.save(folder)
        finally:
            if rows is not None:
                backbone.text_encoder.set_input_embeddings(rows)

    def load_export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Takes denoiser and text encoder from the folder."""
        for name, module in backbone.trainable_modules().items():
            part = ATTRIBUTES[name]
            module_class: Any = type(module)
            loaded = module_class.from_pretrained(folder, subfolder=part, dtype=module.dtype)
            module.load_state_dict(loaded.state_dict())

    def _trained(self) -> list[str]:
        return ["denoiser", "text_encoder"] if self.text_encoder else ["denoiser"]

    def _copied(self) -> list[str]:
        return ["denoiser", "text_encoder"] if self.trains_text else ["denoiser"]


def _trained_tensors(backbone: LoadedBackbone) -> dict[str, Tensor]:
    """What requires a gradient, by name, denoiser first."""
    return {
        f"{module}.{name}": parameter.data
        for module, root in backbone.trainable_modules().items()
        for name, parameter in root.named_parameters()
        if parameter.requires_grad
    }
