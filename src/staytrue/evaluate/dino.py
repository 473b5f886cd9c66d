"""DINO: is it this individual?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from staytrue.evaluate.base import Judged, Reads
from staytrue.registry import component
from staytrue.types import Facts


@component
class Dino:
    """DINO: likeness to the subject's photos, by a self-supervised vision transformer.

    Formula: ``mean_j cos(v(x), v(r_j))``, v the class token of the last layer, r_j the photos.
    Reads: the picture, and the trained or the held-out photos. Returns: one number per picture in [-1, 1]; higher is
    more alike.
    Source: Ruiz et al. 2023 (DreamBooth), section 4.1: ViT-S/16 DINO, mean over all pairs. Copies of the released
    snippet differ (some average all tokens, some pair one picture with one photo); here it is the class token and all
    pairs.
    Known to fail: pictures that copy a training photo's background score higher for it. So held-out photos are scored
    apart.

    Attributes:
        judge: "auto" (the miniature's instance judge for a miniature, else facebook/dino-vits16), a folder, or a hub
            id.
    """

    name: Literal["dino"] = "dino"
    judge: str = "auto"
    reads: ClassVar[Reads] = "photos"

    def encoder(self, facts: Facts) -> Any:
        from staytrue.encoders import dino_judge

        return dino_judge(self.judge, facts, "evaluate.metrics.dino.judge")

    def refuses(self, facts: Facts) -> bool:
        from staytrue.encoders.judges import is_miniature

        return is_miniature(self.judge, facts)

    def __call__(self, encoder: Any, pictures: Sequence[Judged]) -> list[float]:
        from staytrue.evaluate.similarity import mean_cosine_to_photos

        return mean_cosine_to_photos(encoder, pictures)
