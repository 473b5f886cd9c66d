"""Captions by BLIP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from staytrue.caption.base import Uncaptioned
from staytrue.caption.sentence import with_identifier
from staytrue.grammar import with_article
from staytrue.registry import component
from staytrue.types import Caption, Facts, Subject

if TYPE_CHECKING:
    from PIL import Image


@component
class Blip:
    """Captions by BLIP (arXiv 2201.12086), begun for it as "a [class noun]", with the identifier put before the noun.

    Source: "A Data Perspective" (arXiv 2311.04315, appendix E). Difference: there ChatGPT inserts the identifier, here
    a rule does, as the sentence begins with the noun anyway.
    Known to fail: on pictures far from photos, the miniature's among them, and for nouns that BLIP reads as something
    else.

    Attributes:
        checkpoint: folder or hub id of a ``BlipForConditionalGeneration`` with its processor.
        max_new_tokens: longest continuation.
        beams: of the beam search; 1 is greedy. There is no sampling: the same photo gets the same caption.
    """

    name: Literal["blip"] = "blip"
    checkpoint: str = "Salesforce/blip-image-captioning-base"
    max_new_tokens: int = Field(default=30, ge=1)
    beams: int = Field(default=3, ge=1)

    def captions(self, photos: list[Uncaptioned], subject: Subject, facts: Facts) -> list[Caption]:  # noqa: ARG002
        """BLIP's sentence for each photo, with the subject's phrase in it."""
        from rich.console import Console
        from rich.progress import track

        start = with_article(subject.class_noun)
        processor, model = self._load()
        captions = []
        for photo in track(photos, "caption (BLIP)", console=Console(stderr=True), transient=True):
            sentence = self._continue(processor, model, photo.image, start)
            # generation echoes its start; should a tokenizer spell the noun otherwise, the start is put back
            captions.append(with_identifier(sentence, subject) or with_identifier(f"{start} {sentence}", subject))
        return [caption for caption in captions if caption]

    def _continue(self, processor: Any, model: Any, image: Image.Image, start: str) -> str:
        import torch

        inputs = processor(images=image, text=start, return_tensors="pt")
        with torch.no_grad():
            tokens = model.generate(**inputs, max_new_tokens=self.max_new_tokens, num_beams=self.beams, do_sample=False)
        return str(processor.decode(tokens[0, 1:], skip_special_tokens=True))  # the first begins the sentence

    def _load(self) -> tuple[Any, Any]:
        from transformers import BlipForConditionalGeneration, BlipProcessor

        from staytrue.errors import BackboneError

        try:
            processor = BlipProcessor.from_pretrained(self.checkpoint)
            return processor, BlipForConditionalGeneration.from_pretrained(self.checkpoint).eval()
        except (OSError, ValueError) as error:
            what = str(error).splitlines()[0]
            raise BackboneError(
                f"caption.checkpoint={self.checkpoint}: no BLIP could be loaded ({what}); "
                "name a folder with one, or choose caption.name=background"
            ) from error
