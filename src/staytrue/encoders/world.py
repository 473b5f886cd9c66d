"""What the miniature's judges were made for, and a refusal of everything else.

They know only the miniature's drawn world at 64 px. On a real photo they return numbers all the same, and these mean
nothing. Two checks, both on plain pixels, so that anyone can repeat them:

1. Size: exactly 64 x 64. A bigger picture is never scaled down in silence.
2. Flatness, for photos of a subject: the share of neighboring pixel pairs whose channels differ by at most 3 of 255.
   Drawn pictures are made of even areas; photos scaled to 64 px have texture everywhere. A subject's photos are
   refused when their median is below ``FLAT``.

It is a tripwire, not a detector: every MiniBench folder passes (lowest median .387, held by a test), but photos that are mostly
even, of a product on white or of a rocket before the sky, pass too (a test names two), and drawn pictures under strong noise or
JPEG artifacts do not. Larger pictures are refused by size, whatever they show.
"""

from __future__ import annotations

import statistics

import numpy as np
from PIL import Image

from staytrue.errors import ImageError

SIDE_PX = 64
STEP = 3
FLAT = 0.36
SETTING = "evaluate.metrics.dino.judge"


def flatness(image: Image.Image) -> float:
    """Share in [0, 1] of pixels beside or above each other whose channels all differ by at most ``STEP``."""
    pixels = np.asarray(image.convert("RGB")).astype(np.int16)
    across = np.abs(np.diff(pixels, axis=1)).max(axis=-1)
    down = np.abs(np.diff(pixels, axis=0)).max(axis=-1)
    return float((np.concatenate([across.ravel(), down.ravel()]) <= STEP).mean())


def require_size(images: list[Image.Image], setting: str = SETTING) -> None:
    """Raises ``ImageError`` unless every picture is 64 x 64; it says which setting names another judge."""
    for image in images:
        if image.size != (SIDE_PX, SIDE_PX):
            raise ImageError(
                f"the miniature's judges score {SIDE_PX} x {SIDE_PX} px pictures of its own drawn world; this one has "
                f"{image.width} x {image.height}. Scores of other pictures would mean nothing: {_instead(setting)}"
            )


def require_drawn(photos: list[Image.Image], setting: str = SETTING) -> None:
    """Raises ``ImageError`` unless photos of a subject have the size and the even areas of the miniature's world."""
    require_size(photos, setting)
    found = statistics.median(flatness(photo) for photo in photos)
    if found < FLAT:
        raise ImageError(
            "these do not look like the miniature's drawn world but like real photos, or like drawn ones that JPEG or noise went"
            f" over (even areas {found:.2f}, at least {FLAT} expected): its judges were not made for them, and their scores would"
            f" mean nothing: {_instead(setting)}"
        )


def _instead(setting: str) -> str:
    return f"use a real backbone, or name real judges, such as {setting}=facebook/dino-vits16"
