"""The tensors that training changes, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.backbones.base import LoadedBackbone


def trained_tensors(backbone: LoadedBackbone) -> dict[str, Tensor]:
    """What requires a gradient, live, by name: the denoiser's, the text encoder's, then the token rows."""
    from staytrue.adapters.token_rows import attached_rows

    found = {
        f"{module}.{name}": parameter
        for module, root in backbone.trainable_modules().items()
        for name, parameter in root.named_parameters()
        if parameter.requires_grad
    }
    rows = attached_rows(backbone.text_encoder)
    last = [name for name, parameter in found.items() if rows is not None and parameter is rows.rows]
    return {name: found[name].data for name in [*(n for n in found if n not in last), *last]}


def load_tensors(backbone: LoadedBackbone, state: Mapping[str, Tensor]) -> None:
    """Copies what ``trained_tensors`` returned back in."""
    for name, tensor in trained_tensors(backbone).items():
        tensor.copy_(state[name])
