"""Stage 1. Reads the user's photos; writes ``1-purified/<subject>/NN-stem.png``, ``photos.jsonl`` and what it found.

Why: every later stage sees upright RGB PNGs under short names, whatever the user had; and photos that carry a protective
perturbation, which would poison training, are noticed here and can be cleaned. An inspection comes first (``inspection/``).
"""

from staytrue.purify.base import AnyPurifier, ModelPurifier, Purifier, cleaner, require
from staytrue.purify.chain import Chain
from staytrue.purify.steps import STEPS
from staytrue.purify.tools import Tools
from staytrue.registry import Registry

PURIFIERS: Registry[AnyPurifier] = Registry("purifiers", *STEPS, Chain)

__all__ = ["PURIFIERS", "AnyPurifier", "ModelPurifier", "Purifier", "Tools", "cleaner", "require"]
