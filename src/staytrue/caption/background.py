"""Captions that name the background, found by CLIP."""

from __future__ import annotations

import warnings
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from staytrue.caption.base import Uncaptioned
from staytrue.errors import BackboneError
from staytrue.grammar import with_article
from staytrue.registry import component
from staytrue.types import Caption, Facts, Subject

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@component
class Background:
    """Captions "a [identifier] [class noun] [background]", with the background phrase that fits each photo best.

    Formula: with s(b) = cos(image, "a [noun] [b]") and s0 = cos(image, "a [noun]"), the phrase is the b with the
        largest s(b),
    where s(b) - s0 >= ``margin``; otherwise the slot stays empty and a warning names the photo.
    Source: the captions with backgrounds of "A Data Perspective" (arXiv 2311.04315, section 3), written by hand there.
    Known to fail: on backgrounds that no phrase of the list describes; it then takes a neighbor ("on a rug" for a
    blanket).

    Attributes:
        checkpoint: folder or hub id of a CLIP; "auto" is the miniature's own for the miniature, else OpenAI's ViT-B/32.
        phrases: backgrounds to choose from; empty takes the backbone's own list, else ``words/backgrounds_short.txt``.
        margin: how much better than no background the best phrase has to be, in cosine.
    """

    name: Literal["background"] = "background"
    checkpoint: str = "auto"
    phrases: tuple[str, ...] = ()
    margin: float = Field(default=0.005, ge=-1, le=1)

    def texts(self) -> list[str]:
        """The user's own phrases."""
        return list(self.phrases)

    def captions(self, photos: list[Uncaptioned], subject: Subject, facts: Facts) -> list[Caption]:
        """A caption per photo."""
        phrases = list(self.phrases or facts.words.get("backgrounds") or built_in_phrases())
        bare = with_article(subject.class_noun)
        scores = self._cosines(photos, [bare, *(f"{bare} {phrase}" for phrase in phrases)], facts)
        chosen = []
        for photo, row in zip(photos, scores, strict=True):
            best = int(row[1:].argmax())
            gain = float(row[1 + best] - row[0])
            if gain < self.margin:
                warnings.warn(self._excuse(photo, phrases[best], gain), stacklevel=2)
            chosen.append(phrases[best] if gain >= self.margin else "")
        return [Caption(noun=subject.class_noun, identifier=subject.identifier, background=b) for b in chosen]

    def _excuse(self, photo: Uncaptioned, phrase: str, gain: float) -> str:
        return (
            f"no background phrase fits {photo.name} (the best, {phrase!r}, gains {gain:.3f} of {self.margin:.3f}); "
            "its caption names none. Write it into a .txt beside the photo and choose caption.name=sidecar, "
            "or list caption.phrases"
        )

    def _cosines(self, photos: list[Uncaptioned], texts: list[str], facts: Facts) -> Float[Tensor, "photos texts"]:
        from staytrue.encoders.own import own_clip

        try:
            clip = own_clip(self.checkpoint, facts).load()
        except BackboneError as error:
            raise BackboneError(
                f"no CLIP for captions: {str(error).split('; download')[0]}; name a folder with one in caption.checkpoint, or "
                "choose caption.name=template"
            ) from error
        return clip.images([photo.image for photo in photos]) @ clip.texts(texts).T


def built_in_phrases() -> list[str]:
    """The built-in list of about forty everyday backgrounds."""
    return (files("staytrue") / "assets" / "words" / "backgrounds_short.txt").read_text().splitlines()
