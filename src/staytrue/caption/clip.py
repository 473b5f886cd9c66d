"""How well texts describe pictures, by CLIP."""

from __future__ import annotations

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from staytrue.encoders.clip import ClipJudge
from staytrue.encoders.judges import side_px_of
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
    side_px = side_px_of(checkpoint)
    try:
        clip = ClipJudge(checkpoint, Transform(side_px, side_px, *mean_std), checkpoint).load()
    except BackboneError as error:
        raise BackboneError(
            f"no CLIP for captions: {str(error).split('; download')[0]}; name a folder with one in caption.checkpoint, or "
            "choose caption.name=template"
        ) from error
    return clip.images(images) @ clip.texts(texts).T
