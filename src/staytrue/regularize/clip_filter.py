"""Is the class in the picture, and is the picture any good? Asked of CLIP, before a class image is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from staytrue.grammar import with_article
from staytrue.registry import component
from staytrue.types import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

SHARPNESS = 100.0
CONTRASTS = ("an empty scene", "a person", "an animal", "a household object", "a pattern", "a building")


@component
class ClipFilter:
    """Keeps a class image where CLIP finds the class in it, and finds it good enough.

    Formula: class = softmax_k(100 cos(image, text_k)) of the text "a [class noun]" among the ``contrasts``;
        quality = softmax(100 [cos(image, good), cos(image, bad)]) of ``good``.
        A picture passes with class >= ``min_class`` and quality >= ``min_quality``, both in [0, 1].
    Source: zero-shot classification (CLIP, arXiv 2103.00020, section 3.1); antonym prompts (CLIP-IQA, arXiv 2207.12396,
        equation 3). The paper of the structured set filters nothing.
    Known to fail: on classes that CLIP confuses, and it prefers ordinary members of the class, which makes a set less
        diverse. So it is off by default, and a picture that never passes is kept and counted.

    Attributes:
        checkpoint: folder or hub id of a CLIP; "auto" is the miniature's own for the miniature, else OpenAI's ViT-B/32.
        min_class: least probability of the class; 0 does not ask.
        min_quality: least probability of ``good``; 0 does not ask.
        contrasts: what else might be shown; empty is the other nouns of a backbone that has a list, else six general ones.
        good: text of a good picture.
        bad: text of a bad one.
        tries: seeds in all for one caption; after the last, its best picture is kept.
    """

    name: Literal["clip"] = "clip"
    checkpoint: str = "auto"
    min_class: float = Field(default=0.5, ge=0, le=1)
    min_quality: float = Field(default=0.0, ge=0, le=1)
    contrasts: tuple[str, ...] = ()
    good: str = "Good photo."
    bad: str = "Bad photo."
    tries: int = Field(default=3, ge=1)

    def load(self, facts: Facts, device: str) -> LoadedFilter:
        """Reads the CLIP's weights."""
        from staytrue.encoders.own import own_clip

        clip = own_clip(self.checkpoint, facts, "regularize.filter.checkpoint").load(device)
        return LoadedFilter(self, clip, facts)

    def others(self, noun: str, facts: Facts) -> list[str]:
        """The texts that "a [noun]" has to win against."""
        known = facts.words.get("nouns") or {}
        texts = self.contrasts or tuple(with_article(n) for n in known) or CONTRASTS
        return [text for text in texts if noun not in text.split() and text != with_article(noun)]


@dataclass(frozen=True, eq=False)
class LoadedFilter:
    """The filter with its CLIP.

    Attributes:
        spec: the settings.
        clip: a judge with ``images`` and ``texts``.
        facts: of the backbone that draws.
    """

    spec: ClipFilter
    clip: Any
    facts: Facts

    def verdicts(self, images: Sequence[Image.Image], noun: str) -> list[Verdict]:
        """One per picture."""
        seen = self.clip.images(list(images))
        classes = self.clip.texts([with_article(noun), *self.spec.others(noun, self.facts)])
        qualities = self.clip.texts([self.spec.good, self.spec.bad])
        found, good = ((SHARPNESS * seen @ texts.T).softmax(-1)[:, 0].tolist() for texts in (classes, qualities))
        return [
            Verdict(c, q, passes=c >= self.spec.min_class and q >= self.spec.min_quality)
            for c, q in zip(found, good, strict=True)
        ]


@dataclass(frozen=True)
class Verdict:
    """What the filter says of one picture.

    Attributes:
        found: probability of the class.
        good: probability of a good picture.
        passes: whether both reach their least.
    """

    found: float
    good: float
    passes: bool
