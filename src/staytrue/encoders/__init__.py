"""Frozen encoders that judge pictures: CLIP (pictures and texts) and DINO (pictures).

A judge is a checkpoint, its transform and its pooling; all three are named, in words, with every score, and the
checkpoint's sha256 goes into every summary. None of them is part of the model that is judged.
"""

from staytrue.encoders.clip import ClipJudge
from staytrue.encoders.dino import DinoJudge
from staytrue.encoders.judges import clip_judge, dino_judge

__all__ = ["ClipJudge", "DinoJudge", "clip_judge", "dino_judge"]
