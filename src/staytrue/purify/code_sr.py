"""CodeSR: faces restored, then the whole photo drawn anew by an upscaler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.errors import ConfigError
from staytrue.grammar import names_a_person
from staytrue.purify.upscale import Upscale
from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image

    from staytrue.purify.base import Cleaner
    from staytrue.purify.tools import Tools


@component
class CodeSR:
    """Restores faces with CodeFormer, then shrinks the photo and lets the x4 upscaler draw it large again.

    Source: stage 1 of DiffShortcut (arXiv 2406.18944, section 4.1): CodeFormer with fidelity 0.5, then the upscaler of ``upscale``.
    For a class that is no person its code skips CodeFormer; so does this.
    Difference: faces are found by insightface, not retinaface in facexlib, and pasted back with a soft square border instead
    of a parsed face; the picture keeps its size (there CodeFormer doubles it before the upscaler shrinks it again).
    Known to fail: CodeFormer draws a plausible face, which need not be the person's; profiles are not found.
    Licences: CodeFormer (S-Lab 1.0) and insightface's models are for non-commercial use only, hence the extra.

    Attributes:
        faces: CodeFormer's weights (codeformer.pth, release v0.1.0); None where no class is a person.
        fidelity: CodeFormer's w: 0 draws the prettiest face, 1 the most faithful.
        upscale: the second half.
    """

    name: Literal["code_sr"] = "code_sr"
    faces: Path | None = None
    fidelity: float = Field(default=0.5, ge=0, le=1)
    upscale: Upscale = Field(default_factory=Upscale)

    def require(self, tools: Tools) -> None:
        """Raises ``ConfigError`` and ``BackboneError`` where weights are not there, of faces only for a person."""
        from staytrue.purify.spandrel_file import require_file

        if names_a_person(tools.class_noun):
            require_file(self._weights(tools))
        self.upscale.require(tools.below("upscale"))

    def identity(self, tools: Tools) -> list[str]:
        """The content of CodeFormer's file, where it is used, and of the upscaler's."""
        from staytrue.backbones.identity import fingerprint_samples

        self.require(tools)
        faces = [fingerprint_samples(self._weights(tools))] if names_a_person(tools.class_noun) else []
        return faces + self.upscale.identity(tools.below("upscale"))

    def load(self, tools: Tools) -> Cleaner:
        """The cleaning. Raises ``MissingExtraError`` and ``ConfigError`` where a person's face needs what is not there."""
        face_step = self._faces(tools) if names_a_person(tools.class_noun) else None
        upscale = self.upscale.load(tools.below("upscale"))

        def clean(image: Image.Image) -> Image.Image:
            return upscale(face_step(image) if face_step else image)

        return clean

    def _faces(self, tools: Tools) -> Cleaner:
        from staytrue.purify.codeformer import load_codeformer
        from staytrue.purify.faces import detector, with_faces

        path, key = self._weights(tools), ("codeformer", self.faces, self.fidelity)
        restore = tools.once(key, lambda: load_codeformer(path, self.fidelity, tools.device))
        find = tools.once("faces", lambda: detector(tools.device))
        return lambda image: with_faces(image, find, restore)

    def _weights(self, tools: Tools) -> Path:
        if self.faces is None:
            raise ConfigError(
                f"{tools.section}.faces: photos of a {tools.class_noun} need CodeFormer's weights: download codeformer.pth "
                f"(non-commercial licence) and name it, such as {tools.section}.faces=/models/codeformer.pth"
            )
        return self.faces.expanduser()
