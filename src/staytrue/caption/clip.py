"""How well texts describe pictures, by CLIP."""

from __future__ import annotations

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from transformers import CLIPModel, CLIPProcessor

from staytrue.errors import BackboneError


@torch.no_grad()
def cosines(checkpoint: str, images: list[Image.Image], texts: list[str]) -> Float[Tensor, "images texts"]:
    """Cosine of every picture's and every text's CLIP embedding, in [-1, 1].

    Args:
        checkpoint: folder or hub id of a ``CLIPModel`` with its processor.
        images: RGB, any sizes; the processor crops and scales them.
        texts: what might be seen.
    """
    try:
        model, processor = CLIPModel.from_pretrained(checkpoint).eval(), CLIPProcessor.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"no CLIP could be loaded from {checkpoint} ({str(error).splitlines()[0]}); name a folder with one in "
            "caption.checkpoint, or choose caption.name=template"
        ) from error
    seen = model.get_image_features(**processor(images=images, return_tensors="pt")).pooler_output
    said = model.get_text_features(**processor(text=texts, padding=True, return_tensors="pt")).pooler_output
    return torch.nn.functional.normalize(seen, dim=-1) @ torch.nn.functional.normalize(said, dim=-1).T
