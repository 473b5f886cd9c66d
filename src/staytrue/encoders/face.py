"""A face network as a judge: whose face is it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.encoders.checkpoint import weights_sha256
from staytrue.encoders.memory import Memory
from staytrue.errors import BackboneError

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image
    from torch import Tensor

INSTALL = "pip install 'staytrue[faces]'"
GET = "hf download fal/AuraFace-v1 --local-dir models/auraface"


@dataclass(frozen=True)
class FaceJudge:
    """A detector and an ArcFace-type network of insightface's layout, such as AuraFace (Apache-2.0).

    Attributes:
        checkpoint: a folder with their ``.onnx`` files.
    """

    checkpoint: str

    def load(self, device: str = "cpu") -> LoadedFace:
        """Reads the weights.

        Raises:
            BackboneError: no folder with such files, or insightface is not installed; with what to do.
        """
        folder = Path(self.checkpoint).expanduser().resolve()
        if not any(folder.glob("*.onnx")):
            raise BackboneError(f"evaluate.metrics.face.judge: no .onnx files in {self.checkpoint}; get some: {GET}")
        try:
            from insightface.app import FaceAnalysis
        except ImportError as error:
            raise BackboneError(f"evaluate.metrics.face finds and reads faces with insightface: {INSTALL}") from error
        # an absolute name is taken as it is, so that nothing is looked for, or downloaded, elsewhere
        app = FaceAnalysis(name=str(folder), root=".", allowed_modules=["detection", "recognition"])
        app.prepare(ctx_id=0 if device.startswith("cuda") else -1, det_size=(640, 640))
        return LoadedFace(self, app, weights_sha256(str(folder)))


@dataclass(frozen=True, eq=False)
class LoadedFace:
    """The networks in memory. Every embedding has length 1, or 0 where there is no face, and is remembered."""

    spec: FaceJudge
    app: Any
    sha256: str
    memory: Memory = field(default_factory=Memory)

    @property
    def judge(self) -> str:
        """Folder, choice of the face and pooling, in words."""
        return f"{Path(self.spec.checkpoint).name}; the largest face, cosine; sha256 {self.sha256[:12]}"

    def images(self, images: list[Image.Image]) -> Float[Tensor, "rows width"]:
        """Embeddings of the largest face of each RGB picture; zeros where none is found."""
        return self.memory.images(images, self._embed)

    def _embed(self, images: list[Image.Image]) -> Tensor:
        import torch

        return torch.stack([self._largest(image) for image in images])

    def _largest(self, image: Image.Image) -> Tensor:
        import numpy as np
        import torch

        found = self.app.get(np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1]))
        if not found:
            return torch.zeros(int(self.app.models["recognition"].output_shape[-1]))
        face = max(found, key=lambda one: (one.bbox[2] - one.bbox[0]) * (one.bbox[3] - one.bbox[1]))
        return torch.as_tensor(np.asarray(face.normed_embedding), dtype=torch.float32)
