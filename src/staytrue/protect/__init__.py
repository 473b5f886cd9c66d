"""Protections: photos that are hard to learn from, made as attacks on this very pipeline.

Reads the owner's photos; writes lossless PNGs whose every value is within a radius of the clean one, ``protect.json`` with
what was measured, and a page that shows what changed. It is no stage of a run: it stands before one, for who wants to protect
photos of their own and to know how much that is worth against this pipeline, purifiers included. See
``docs/responsible-use.md``.

One loop (``pgd.py``) runs every attack; a method is a loss and, for some, surrogates that train in between.
"""

from typing import Any

from staytrue.protect.adaptive import Adaptive
from staytrue.protect.advdm import AdvDM
from staytrue.protect.aspl import Aspl
from staytrue.protect.base import Protection, Scene
from staytrue.protect.easpl import Easpl
from staytrue.protect.fsmg import Fsmg
from staytrue.protect.glaze import Glaze
from staytrue.protect.metacloak import MetaCloak
from staytrue.protect.pgd import PGD
from staytrue.protect.photoguard import PhotoGuard
from staytrue.protect.random_noise import RandomNoise
from staytrue.registry import Registry

PROTECTIONS: Registry[Protection] = Registry(
    "protections", RandomNoise, Fsmg, Aspl, Easpl, AdvDM, PhotoGuard, MetaCloak, Glaze, Adaptive
)

__all__ = ["PGD", "PROTECTIONS", "Protection", "Scene", "protect_images", "protect_stage", "protect_subjects"]


def __getattr__(name: str) -> Any:
    if name not in ("protect_images", "protect_stage", "protect_subjects"):
        raise AttributeError(f"module 'staytrue.protect' has no attribute {name!r}")
    from staytrue.protect import stage  # imports torch, which the command line must not wait for

    return getattr(stage, name)
