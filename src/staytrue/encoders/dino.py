"""DINO as a judge: a vision transformer whose class token tells individuals apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from staytrue.encoders.checkpoint import Kind, load_frozen, require_side, weights_sha256
from staytrue.encoders.memory import Memory
from staytrue.encoders.transform import Transform

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image
    from torch import Tensor

KIND = Kind(("vit",), "facebook/dino-vits16")


@dataclass(frozen=True)
class DinoJudge:
    """A ViT checkpoint with its transform; the pooling is the class token after the last layer norm.

    Attributes:
        checkpoint: folder or hub id of a transformers ``ViTModel``: DINO, not DINOv2.
        transform: what pictures go through first.
        title: how the checkpoint is called in tables.
        setting: that names another, such as "evaluate.metrics.dino.judge", for messages.
    """

    checkpoint: str
    transform: Transform
    title: str
    setting: str = field(default="", compare=False)

    def load(self, device: str = "cpu") -> LoadedDino:
        """Reads the weights."""
        from transformers import ViTModel

        model = load_frozen(ViTModel, self.checkpoint, KIND, self.setting, add_pooling_layer=False).to(device)
        require_side(self.checkpoint, model.config.image_size, self.transform.crop_px)
        return LoadedDino(self, model, weights_sha256(self.checkpoint))


@dataclass(frozen=True, eq=False)
class LoadedDino:
    """A ViT with weights. Every embedding has length 1 and is remembered."""

    spec: DinoJudge
    model: Any
    sha256: str
    memory: Memory = field(default_factory=Memory)

    @property
    def judge(self) -> str:
        """Checkpoint, transform and pooling, in words."""
        return f"{self.spec.title}; {self.spec.transform}; class token, cosine; sha256 {self.sha256[:12]}"

    def images(self, images: list[Image.Image]) -> Float[Tensor, "rows width"]:
        """Embeddings of RGB pictures."""
        return self.memory.images(images, self._embed_images)

    def _embed_images(self, images: list[Image.Image]) -> Tensor:
        pixels = self.spec.transform(images).to(self.model.device)
        return self.model(pixel_values=pixels).last_hidden_state[:, 0]
