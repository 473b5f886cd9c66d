"""The row "real photos" of a table: what the metrics say of the photos themselves. An upper end for identity, no training."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from staytrue.bench.judge import Drawn
from staytrue.bench.prompts import PHOTOS, Asked, suite_words
from staytrue.images.load import load_folder
from staytrue.types import Subject

if TYPE_CHECKING:
    from PIL import Image

REAL = "real-photos"


def real_photos(subject: Subject) -> Drawn:
    """The photos to train on in place of pictures, each under its own caption.

    Held-out photos judge them, as they judge pictures. There is nothing to say of class leakage, drift or diversity, and
    ``identity_train`` would compare photos with themselves: the table leaves it out.
    Source: the row "real images" of DreamBooth's table 1 and of He et al. 2023, table 1.
    """
    pairs = list(_captioned(subject))
    return Drawn([asked for asked, _ in pairs], [[image] for _, image in pairs], (), ())


def _captioned(subject: Subject) -> Iterator[tuple[Asked, Image.Image]]:
    """Each photo with its caption as a prompt that asks for its background."""
    for number, photo in enumerate(load_folder(subject.photos), start=1):
        text = photo.text or ""
        backgrounds = [b for b in suite_words()["backgrounds"] if re.search(rf"\b{re.escape(b)}\b", text)]
        conditions = {"background": max(backgrounds, key=len)} if backgrounds else {}
        template = "a {} {background}" if conditions else "a {}"
        yield Asked(f"{PHOTOS}/{number:02d}", PHOTOS, "place", template, conditions), photo.image
