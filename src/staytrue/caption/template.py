"""The same caption for every photo."""

from __future__ import annotations

from typing import Literal

from staytrue.caption.base import Uncaptioned
from staytrue.registry import component
from staytrue.types import Caption, Facts, Subject


@component
class Template:
    """Captions "a [identifier] [class noun]", as DreamBooth captions every photo (arXiv 2208.12242, section 3.2).

    Known to fail: the identifier then has to carry the background too.

    Attributes:
        style: words before, such as "a photo of".
        details: words after the noun, such as "wearing a collar".
        background: words at the end, such as "on a white background".
    """

    name: Literal["template"] = "template"
    style: str = ""
    details: str = ""
    background: str = ""

    def texts(self) -> list[str]:
        """The slots."""
        return [self.style, self.details, self.background]

    def captions(self, photos: list[Uncaptioned], subject: Subject, facts: Facts) -> list[Caption]:  # noqa: ARG002
        """The one caption, once per photo."""
        caption = Caption(
            noun=subject.class_noun,
            identifier=subject.identifier,
            style=self.style,
            details=self.details,
            background=self.background,
        )
        return [caption] * len(photos)
