"""generate: draws the prompts with the trained model, beside the base model.

Reads ``4-training/model`` and the backbone; writes pictures, ``images.jsonl`` and a grid per subject into
``5-images``. It also holds the one sampler, ``draw``, which class images and previews use too: a picture depends on
its prompt, seed and sampling, never on which stage asked for it or on the batch it was drawn in.
"""

from staytrue.generate.config import Generate, LoraSource
from staytrue.generate.guides import GUIDES
from staytrue.generate.sampling import Request, Sampling, draw, draw_with_latents
from staytrue.generate.subject_guidance import SubjectGuidance
from staytrue.generate.tea import TEA
from staytrue.generate.word_guidance import WordGuidance

__all__ = [
    "GUIDES",
    "TEA",
    "Generate",
    "LoraSource",
    "Request",
    "Sampling",
    "SubjectGuidance",
    "WordGuidance",
    "draw",
    "draw_with_latents",
]
