"""How well texts describe pictures, by CLIP."""

from __future__ import annotations

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, CLIPTokenizer

from staytrue.encoders.transform import CLIP_MEAN, CLIP_STD, Transform, Triple
from staytrue.errors import BackboneError

OPENAI = (CLIP_MEAN, CLIP_STD)


@torch.no_grad()
def cosines(
    checkpoint: str, images: list[Image.Image], texts: list[str], mean_std: tuple[Triple, Triple] = OPENAI
) -> Float[Tensor, "images texts"]:
    """Cosine of every picture's and every text's CLIP embedding, in [-1, 1].

    Args:
        checkpoint: folder or hub id of a ``CLIPModel`` with its tokenizer.
        images: RGB, any sizes; the shorter side is brought to what the model sees, and the middle cropped.
        texts: what might be seen.
        mean_std: how pixels are normalized.
    """
    try:
        model, tokenizer = CLIPModel.from_pretrained(checkpoint).eval(), CLIPTokenizer.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"no CLIP could be loaded from {checkpoint} ({str(error).splitlines()[0]}); name a folder with one in "
            "caption.checkpoint, or choose caption.name=template"
        ) from error
    side_px = model.config.vision_config.image_size
    pixels = Transform(side_px, side_px, *mean_std)(images)
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    seen, said = model.get_image_features(pixels).pooler_output, model.get_text_features(**tokens).pooler_output
    return normalize(seen, dim=-1) @ normalize(said, dim=-1).T
