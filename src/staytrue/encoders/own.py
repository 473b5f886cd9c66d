"""The model's own CLIP: what training and captioning may look through, and judges must not."""

from __future__ import annotations

from importlib.resources import files

from staytrue.encoders.clip import ClipJudge
from staytrue.encoders.judges import AUTO, CLIP_HUB, side_px_of
from staytrue.encoders.transform import CLIP_MEAN, CLIP_STD, HALF, Transform
from staytrue.types import Facts


def own_clip(checkpoint: str, facts: Facts, setting: str = "") -> ClipJudge:
    """The CLIP behind "auto", a folder or a hub id: the miniature's two towers for the miniature, else OpenAI's.

    The shorter side is brought to what it sees, and the middle cropped. The miniature's sees pixels in [-1, 1]. Messages say which
    setting names another.
    """
    if checkpoint == AUTO and facts.is_miniature:
        folder, title, spread = (
            str(files("staytrue") / "assets" / "encoders" / "clip"),
            "miniature's own CLIP",
            (HALF, HALF),
        )
    else:
        folder = CLIP_HUB if checkpoint == AUTO else checkpoint
        title, spread = folder, (CLIP_MEAN, CLIP_STD)
    side_px = side_px_of(folder)
    return ClipJudge(folder, Transform(side_px, side_px, *spread), title, setting)
