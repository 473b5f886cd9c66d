"""CLIP-I: is it this kind of thing, looking like this?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from staytrue.evaluate.base import Judged, Reads
from staytrue.registry import component
from staytrue.types import Facts


@component
class ClipI:
    """CLIP-I: likeness to the subject's photos, by CLIP's picture embeddings.

    Formula: ``mean_j cos(f(x), f(r_j))``, f the projected picture embedding, r_j the photos.
    Reads: the picture, and the trained or the held-out photos. Returns: one number per picture in [-1, 1]; higher is
    more alike.
    Source: Ruiz et al. 2023 (DreamBooth), section 4.1; ViT-B/32, as the community's code has it (the paper does not
    say).
    Known to fail: it knows kinds better than individuals: two dogs are nearly as alike as one dog twice.

    Attributes:
        judge: "auto" (the miniature's CLIP judge for a miniature, else openai/clip-vit-base-patch32), a folder, or a
            hub id.
    """

    name: Literal["clip_i"] = "clip_i"
    judge: str = "auto"
    reads: ClassVar[Reads] = "photos"

    def encoder(self, facts: Facts) -> Any:
        from staytrue.encoders import clip_judge

        return clip_judge(self.judge, facts, "evaluate.metrics.clip_i.judge")

    def refuses(self, facts: Facts) -> bool:
        from staytrue.encoders.judges import is_miniature

        return is_miniature(self.judge, facts)

    def __call__(self, encoder: Any, pictures: Sequence[Judged]) -> list[float]:
        from staytrue.evaluate.similarity import mean_cosine_to_photos

        return mean_cosine_to_photos(encoder, pictures)
