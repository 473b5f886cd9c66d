"""CLIP as a judge: pictures and texts on one sphere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from staytrue.encoders.checkpoint import Kind, load_frozen, reading, require_side, weights_sha256
from staytrue.encoders.memory import Memory
from staytrue.encoders.transform import Transform

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image
    from torch import Tensor

KIND = Kind(("clip", "vision-text-dual-encoder"), "openai/clip-vit-base-patch32")


@dataclass(frozen=True)
class ClipJudge:
    """A CLIP checkpoint with its transform; the pooling is the projected embedding.

    Attributes:
        checkpoint: folder or hub id of a transformers model with a text and a picture tower (``CLIPModel``,
            ``VisionTextDualEncoderModel``) and a CLIP tokenizer.
        transform: what pictures go through first.
        title: how the checkpoint is called in tables.
        setting: that names another, such as "evaluate.metrics.clip_t.judge", for messages.
    """

    checkpoint: str
    transform: Transform
    title: str
    setting: str = field(default="", compare=False)

    def load(self, device: str = "cpu") -> LoadedClip:
        """Reads the weights."""
        from transformers import AutoModel, CLIPTokenizer

        model = load_frozen(AutoModel, self.checkpoint, KIND, self.setting).to(device)
        require_side(self.checkpoint, model.config.vision_config.image_size, self.transform.crop_px)
        with reading(self.checkpoint, self.setting):
            tokenizer = CLIPTokenizer.from_pretrained(self.checkpoint)
            if set(tokenizer.get_vocab()) <= set(
                tokenizer.all_special_tokens
            ):  # what the library makes up for absent files
                raise OSError("its tokenizer's files are absent")
        return LoadedClip(self, model, tokenizer, weights_sha256(self.checkpoint))


@dataclass(frozen=True, eq=False)
class LoadedClip:
    """A CLIP with weights. Every embedding has length 1 and is remembered."""

    spec: ClipJudge
    model: Any
    tokenizer: Any
    sha256: str
    memory: Memory = field(default_factory=Memory)

    @property
    def judge(self) -> str:
        """Checkpoint, transform and pooling, in words."""
        return f"{self.spec.title}; {self.spec.transform}; projected embedding, cosine; sha256 {self.sha256[:12]}"

    def images(self, images: list[Image.Image]) -> Float[Tensor, "rows width"]:
        """Embeddings of RGB pictures."""
        return self.memory.images(images, self._embed_images)

    def texts(self, texts: list[str]) -> Float[Tensor, "rows width"]:
        """Embeddings of texts."""
        return self.memory.texts(texts, self._embed_texts)

    def _embed_images(self, images: list[Image.Image]) -> Tensor:
        pixels = self.spec.transform(images).to(self.model.device)
        return self.model.get_image_features(pixel_values=pixels).pooler_output

    def _embed_texts(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(self.model.device)
        return self.model.get_text_features(**tokens).pooler_output
