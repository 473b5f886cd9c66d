"""Every purifier that can be a step of a chain: all but the chain."""

from __future__ import annotations

from staytrue.purify.base import AnyPurifier
from staytrue.purify.code_sr import CodeSR
from staytrue.purify.diffpure import DiffPure
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.gridpure import GridPure
from staytrue.purify.impress import Impress
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.median import Median
from staytrue.purify.none import NoPurifier
from staytrue.purify.resize import Resize
from staytrue.purify.restore import Restore
from staytrue.purify.total_variation import TotalVariation
from staytrue.purify.upscale import Upscale
from staytrue.purify.vae_roundtrip import VaeRoundtrip
from staytrue.registry import Registry

STEPS: Registry[AnyPurifier] = Registry(
    "purifiers",
    NoPurifier,
    Jpeg,
    Gaussian,
    Median,
    TotalVariation,
    Resize,
    VaeRoundtrip,
    DiffPure,
    GridPure,
    Impress,
    Restore,
    Upscale,
    CodeSR,
)
