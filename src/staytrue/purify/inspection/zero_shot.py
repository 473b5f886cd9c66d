"""Does CLIP see the class, or noise?"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from staytrue.encoders.clip import ClipJudge, LoadedClip
from staytrue.encoders.transform import CLIP_MEAN, CLIP_STD, HALF, Transform
from staytrue.errors import BackboneError
from staytrue.grammar import with_article

if TYPE_CHECKING:
    from staytrue.purify.tools import Tools

TEMPLATES = ("a photo of {}", "a picture of {}", "{}")
NOISE = ("noise", "a noisy pattern", "noisy, low quality")
OWN = {768: "openai/clip-vit-large-patch14", 1024: "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"}
ORDINARY_SCALE = 100.0


@dataclass(frozen=True, eq=False)
class Sight:
    """What CLIP makes of photos.

    Attributes:
        embeddings: of the photos, of length 1.
        mismatch: p(noise) of the two concepts, per photo.
        class_cosine: cosine to the class, per photo.
    """

    embeddings: Float[Tensor, "photos width"]
    mismatch: list[float]
    class_cosine: list[float]


def look(clip: LoadedClip, images: list[Image.Image], class_noun: str) -> Sight:
    """Zero-shot classification of each photo as the class or as noise.

    p = softmax over {class, noise} of scale x cosine, each concept the mean of its prompts' embeddings, scale the checkpoint's own.
    Source: the two concept regions of DiffShortcut (arXiv 2406.18944, section 3). Its prompts and temperature are not public; those
    of the same authors' MetaCloak are "a picture of {X}" and 100.
    """
    noun = with_article(class_noun)
    concepts = [_concept(clip, [t.format(noun) for t in TEMPLATES]), _concept(clip, list(NOISE))]
    seen = clip.images(images)
    cosines = seen @ torch.stack(concepts).T
    scale = clip.model.logit_scale.exp().item() if hasattr(clip.model, "logit_scale") else ORDINARY_SCALE
    noise = (scale * cosines).softmax(dim=-1)[:, 1]
    return Sight(seen, noise.tolist(), cosines[:, 0].tolist())


def _concept(clip: LoadedClip, texts: list[str]) -> Float[Tensor, " width"]:
    return normalize(clip.texts(texts).mean(dim=0), dim=0)


def own_clip(checkpoint: str, tools: Tools) -> tuple[LoadedClip | None, str]:
    """The backbone's own CLIP with its picture side, or None and why not. Nothing is downloaded unless it is named.

    Args:
        checkpoint: "auto", a folder or a hub id.
        tools: with the backbone.

    Raises:
        BackboneError: the one that is named cannot be read.
    """
    folder, title = belonging(checkpoint, tools)
    if not title:
        return None, "no CLIP is known to belong to this backbone; name one with inspect.clip"
    if not folder:
        return None, f"the backbone's CLIP is not on this machine; inspect.clip={title} downloads it"
    spec = ClipJudge(folder, _transform(folder, checkpoint, tools), title, "inspect.clip")
    try:
        return tools.once("clip", lambda: spec.load(tools.device)), ""
    except BackboneError as error:
        if checkpoint != "auto":
            raise
        return None, str(error)


def belonging(checkpoint: str, tools: Tools) -> tuple[str, str]:
    """Where the CLIP is read from, and what it is called: of "auto" the folder on this machine, each empty where there is none."""
    from staytrue.encoders.checkpoint import folder_at_hand

    if checkpoint != "auto":
        return checkpoint, checkpoint
    if tools.facts and tools.facts.is_miniature:
        return str(files("staytrue") / "assets" / "encoders" / "clip"), "the miniature's own CLIP"
    known = OWN.get(_text_width(tools), "")
    return folder_at_hand(known) if known else "", known


def _transform(folder: str, checkpoint: str, tools: Tools) -> Transform:
    from staytrue.encoders.judges import side_px_of

    if checkpoint == "auto" and tools.facts and tools.facts.is_miniature:
        return Transform(tools.facts.resolution_px, tools.facts.resolution_px, HALF, HALF)
    side = side_px_of(folder)
    return Transform(side, side, CLIP_MEAN, CLIP_STD)


def _text_width(tools: Tools) -> int:
    """Of the backbone's text encoder, from its small files."""
    located = getattr(tools.spec, "files", None)
    return int(located().config("text_encoder").get("hidden_size", 0)) if located else 0
