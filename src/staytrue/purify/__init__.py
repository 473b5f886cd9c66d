"""Stage 1. Reads the user's photos; writes ``1-purified/<subject>/NN-stem.png`` and ``photos.jsonl``.

Why: every later stage sees upright RGB PNGs under short names, whatever the user had; and photos that carry a
    protective
perturbation, which would poison training, can be cleaned here.
"""

from staytrue.purify.base import Purifier
from staytrue.purify.blur import Blur
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.median import Median
from staytrue.purify.none import NoPurifier
from staytrue.registry import Registry

PURIFIERS: Registry[Purifier] = Registry("purifiers", NoPurifier, Jpeg, Blur, Median)

__all__ = ["PURIFIERS", "Purifier"]
