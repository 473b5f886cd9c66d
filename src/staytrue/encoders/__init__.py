"""Frozen encoders that judge pictures: CLIP (pictures and texts), DINO (pictures), and a network for faces.

A judge is a checkpoint, its transform and its pooling; all three are named, in words, with every score, and the
checkpoint's sha256 goes into every summary. None of them is part of the model that is judged.
"""

from staytrue.encoders.clip import ClipJudge
from staytrue.encoders.dino import DinoJudge
from staytrue.encoders.face import FaceJudge
from staytrue.encoders.judges import clip_judge, dino_judge

__all__ = ["ClipJudge", "DinoJudge", "FaceJudge", "clip_judge", "dino_judge"]
