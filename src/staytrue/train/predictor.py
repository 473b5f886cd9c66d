"""What a step may ask of a backbone and its adapter; encoded texts are kept where nothing upstream of them trains."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from staytrue.adapters.base import Adapter
from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.noised import Noised


@dataclass(frozen=True)
class BackbonePredictor:
    """The narrow view of a backbone that objectives get.

    Args:
        backbone: with the adapter attached.
        adapter: decides whether texts may be kept, and what the frozen base is.
    """

    backbone: LoadedBackbone
    adapter: Adapter
    _kept: dict[str, Tensor] = field(default_factory=dict)

    def predict(
        self, noised: Noised, condition: Float[Tensor, "rows tokens width"]
    ) -> Float[Tensor, "rows channels height width"]:
        """The network's prediction."""
        return self.backbone.predict(noised, condition)

    def encode_text(self, texts: Sequence[str]) -> Float[Tensor, "rows tokens width"]:
        """Token states; each text kept after its first use, unless the text side trains."""
        if self.adapter.trains_text:
            return self.backbone.encode_text(texts)
        for text in dict.fromkeys(texts):
            if text not in self._kept:
                # alone, and not with whatever else is missing: a resumed run must compute the same bits
                with torch.no_grad(), torch.autocast(self.backbone.device.type, enabled=False):
                    self._kept[text] = self.backbone.encode_text([text])[0]
        return torch.stack([self._kept[text] for text in texts])

    def frozen(self) -> AbstractContextManager[Any]:
        """The untrained base."""
        return self.adapter.frozen(self.backbone)
