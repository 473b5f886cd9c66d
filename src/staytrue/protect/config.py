"""The settings of ``staytrue protect``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from staytrue.backbones import BACKBONES
from staytrue.protect import PROTECTIONS
from staytrue.protect.aspl import Aspl
from staytrue.protect.radius import Radius
from staytrue.registry import component
from staytrue.types import Subject, Worded


def _named(method: Any) -> Any:
    return {"name": method} if isinstance(method, str) else method


if TYPE_CHECKING:
    AnyProtection = Any
else:
    AnyProtection = Annotated[PROTECTIONS.union(), BeforeValidator(_named)]


@component
class Protect:
    """How photos are protected, and what is measured of it.

    Args:
        method: a protection, or its name alone.
        radius: how far a value may move: "11/255" or a share of [0, 1] such as 0.043.
        reference: folder of other clean photos of the subject for the surrogates to learn from; None takes the photos
            themselves.
        batch: photos at a time; changes memory and speed.
        clip: CLIP behind the mismatch: "auto" (the miniature's own for the miniature, else OpenAI's ViT-B/32), a folder or a
            hub id.
        judge: image encoder behind the distance: "auto" as in ``evaluate.metrics.dino``, a folder or a hub id.
    """

    method: AnyProtection = Field(default_factory=Aspl)
    radius: Radius = 11 / 255
    reference: Path | None = None
    batch: int = Field(default=8, ge=1)
    clip: str = "auto"
    judge: str = "auto"


class ProtectConfig(BaseModel):
    """Everything that decides what ``staytrue protect`` makes.

    Attributes:
        subject: whose photos, and what they show.
        backbone: the model they are protected against.
        seed: every random number derives from it.
        protect: how.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Subject
    backbone: BACKBONES.union() = Field(default_factory=BACKBONES.get("sd"))  # type: ignore[valid-type]
    seed: int = 0
    protect: Protect = Field(default_factory=Protect)

    def texts(self) -> list[str]:
        """What the backbone will read of these settings."""
        method = self.protect.method
        return [self.subject.phrase, *(method.texts() if isinstance(method, Worded) else [])]


def spelled_out(assignments: Iterable[str]) -> list[str]:
    """``protect.method=aspl`` as ``protect.method.name=aspl``, so that the method's own fields may be set beside it."""
    short = "protect.method="
    return [f"protect.method.name={text[len(short) :]}" if text.startswith(short) else text for text in assignments]
