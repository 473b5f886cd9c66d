"""CLIP-T: does it show what was asked?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from staytrue.evaluate.base import Judged, Reads
from staytrue.registry import component
from staytrue.types import Facts


@component
class ClipT:
    """CLIP-T: truth to the prompt, by CLIP, the identifier taken out of the text.

    Formula: ``cos(f(x), g(prompt without identifier))``, f and g the projected embeddings of picture and text.
    Reads: the picture and its prompt; apart from it, the prompt with the broad class noun of a subject that has one.
    Returns: one number per picture in [-1, 1]; ViT-B/32 gives about 0.3 for a true pair.
    Source: Ruiz et al. 2023 (DreamBooth), section 4.1. Unlike torchmetrics' CLIPScore: no factor 100, no clipping at
    0, ViT-B/32.
    Known to fail: details of the prompt weigh little beside its noun and its background.

    Attributes:
        judge: "auto" (the miniature's CLIP judge for a miniature, else openai/clip-vit-base-patch32), a folder, or a
            hub id.
    """

    name: Literal["clip_t"] = "clip_t"
    judge: str = "auto"
    reads: ClassVar[Reads] = "prompt"

    def encoder(self, facts: Facts) -> Any:
        from staytrue.encoders import clip_judge

        return clip_judge(self.judge, facts, "evaluate.metrics.clip_t.judge")

    def refuses(self, facts: Facts) -> bool:
        from staytrue.encoders.judges import is_miniature

        return is_miniature(self.judge, facts)

    def __call__(self, encoder: Any, pictures: Sequence[Judged]) -> list[float]:
        images = encoder.images([p.image for p in pictures])
        texts = encoder.texts([p.prompt for p in pictures])
        return [float(cosine) for cosine in (images * texts).sum(dim=-1)]
