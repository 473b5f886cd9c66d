"""Face: is it this person?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from staytrue.evaluate.base import Judged, Reads
from staytrue.registry import component
from staytrue.types import Facts


@component
class Face:
    """Face: likeness to the person in the photos, by an ArcFace-type network; off unless it is named.

    Formula: ``mean_j cos(f(x), f(r_j))``, f the embedding of the largest face, 0 where there is none; r_j the photos in which there
    is one. Without a face in any of them there are no scores, and the report says so.
    Reads: the picture, and the trained or the held-out photos. Returns: one number per picture in [-1, 1]; higher is more
    alike; 0 where no face is found.
    Source: Deng et al. 2019 (ArcFace, arXiv 1801.07698); as a score of personalization in Anti-DreamBooth (2303.15433), whose
    ISM leaves pictures without a face out. Here pictures x without one count as 0, so that losing the face is not rewarded.
    Known to fail: drawn and painted faces, animals, faces seen from behind or below some 40 px; it asks for nothing but the face.

    Attributes:
        judge: a folder with a detector and a network as ``.onnx`` files in insightface's layout, such as AuraFace-v1. Mind the
            licence of the files: insightface's own are for research alone.
    """

    name: Literal["face"] = "face"
    judge: str = Field(min_length=1)
    reads: ClassVar[Reads] = "photos"
    extra: ClassVar = (("insightface", "onnxruntime"), "pip install 'staytrue[faces]'")

    def encoder(self, facts: Facts) -> Any:  # noqa: ARG002
        from staytrue.encoders import FaceJudge

        return FaceJudge(str(Path(self.judge).expanduser().absolute()))  # never a hub id

    def refuses(self, facts: Facts) -> bool:  # noqa: ARG002
        return False

    def __call__(self, encoder: Any, pictures: Sequence[Judged]) -> list[float]:
        from staytrue.evaluate.similarity import mean_cosine_to_photos

        return mean_cosine_to_photos(encoder, pictures)
