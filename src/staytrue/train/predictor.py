"""What a step may ask of a backbone and its adapter; the latest texts are kept encoded where nothing upstream of them trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from staytrue.adapters.base import Adapter
from staytrue.backbones.base import LoadedBackbone
from staytrue.diffusion.noised import Noised
from staytrue.train.displacement import Displacement
from staytrue.types import Pooling

KEPT_TEXTS = 512  # 121 MB of Stable Diffusion 1.x; with adjectives dropped a set has captions without end


@dataclass(frozen=True)
class BackbonePredictor:
    """The narrow view of a backbone that objectives get.

    Args:
        backbone: with the adapter attached.
        adapter: decides whether texts may be kept, and what the frozen base is.
    """

    backbone: LoadedBackbone
    adapter: Adapter
    _kept: dict[tuple[bool, str], Tensor] = field(default_factory=dict)
    _inside_frozen: list[bool] = field(default_factory=list)
    _began: list[Displacement] = field(default_factory=list)

    def predict(
        self, noised: Noised, condition: Float[Tensor, "rows tokens width"]
    ) -> Float[Tensor, "rows channels h w"]:
        """The network's prediction."""
        return self.backbone.predict(noised, condition)

    def encode_text(self, texts: Sequence[str]) -> Float[Tensor, "rows tokens width"]:
        """Token states; each text's kept, up to ``KEPT_TEXTS`` of them, where what encodes it does not train."""
        base = bool(self._inside_frozen) and self.adapter.trains_text
        if self.adapter.trains_text and not base:
            return self.backbone.encode_text(texts)
        return torch.stack([self._encoded(base, text) for text in texts])

    def _encoded(self, base: bool, text: str) -> Float[Tensor, "tokens width"]:
        """One text's states, kept as the latest in use; the one unused for longest goes."""
        states = self._kept.pop((base, text), None)
        if states is None:
            # alone, and not with whatever else is missing: neither a resumed run nor a full store may change a bit
            with torch.no_grad(), torch.autocast(self.backbone.device.type, enabled=False):
                states = self.backbone.encode_text([text])[0]
        self._kept[base, text] = states
        if len(self._kept) > KEPT_TEXTS:
            del self._kept[next(iter(self._kept))]
        return states

    def pooled_text(
        self, texts: Sequence[str], pooling: Pooling = "eos", identifiers: Sequence[str] = ()
    ) -> Float[Tensor, "rows width"]:
        """One feature per text, in float32: cosines near 1 have few digits left in bfloat16."""
        with torch.autocast(self.backbone.device.type, enabled=False):
            return self.backbone.pooled_text(texts, pooling, identifiers)

    def remember(self, parameters: Sequence[nn.Parameter]) -> None:
        """Takes the weights as they are now for where they began. Before a checkpoint is loaded."""
        self._began[:] = [Displacement.of(self.backbone, parameters)]

    def displacement(self) -> Float[Tensor, ""]:
        """Squared distance of the trained weights from where they began, in float32."""
        [began] = self._began
        with torch.autocast(self.backbone.device.type, enabled=False):
            return began()

    def initial_bytes(self) -> int:
        """Memory of what ``remember`` copied."""
        return sum(began.bytes() for began in self._began)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The untrained base."""
        self._inside_frozen.append(True)
        try:
            with self.adapter.frozen(self.backbone):
                yield
        finally:
            self._inside_frozen.pop()
