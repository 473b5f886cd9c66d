"""DreamBooth's class images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from staytrue.generate.sampling import Sampling
from staytrue.registry import component
from staytrue.regularize.base import AnyBackbone, Brief, Planned, default_count, image_seed
from staytrue.regularize.clip_filter import ClipFilter
from staytrue.types import Caption, Slot, Subject

COUNT = 200


@component
class ClassPrompt:
    """Images of "a [class noun]", all with this caption.

    Source: DreamBooth's prior preservation (arXiv 2208.12242, section 3.3), which draws them with the frozen model
        itself.
    Known to fail: poor in text and picture, so longer training still loses the words (arXiv 2311.04315, figure 3).

    Attributes:
        count: how many; None is 300 for the miniature and 200, the usual DreamBooth choice, for other backbones.
        style: words before, such as "a photo of".
        filter: drops pictures in which CLIP does not find the class, or that it finds bad; None keeps all.
        generator: backbone that draws; None is the one being trained.
        sampling: how.
    """

    name: Literal["class_prompt"] = "class_prompt"
    count: int | None = Field(default=None, ge=1)
    style: str = ""
    filter: ClipFilter | None = None
    generator: AnyBackbone | None = None
    sampling: Sampling = Field(default_factory=Sampling)

    def texts(self) -> list[str]:
        """The words before the noun."""
        return [self.style]

    def slots(self, subject: Subject) -> frozenset[Slot]:  # noqa: ARG002
        """A style, where its prompt has one."""
        return frozenset({"style"}) if self.style else frozenset()

    def plan(self, brief: Brief) -> list[Planned]:
        """The same caption ``count`` times, each with its own seed."""
        caption = Caption(noun=brief.subject.class_noun, style=self.style)
        count = self.count or default_count(brief.facts, COUNT)
        return [Planned(caption, image_seed(brief.seed, i)) for i in range(count)]
