"""Photos of 16 px and a tiny random-weight backbone to attack."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from staytrue.backbones import SD
from staytrue.diffusion.randomness import generator_for
from staytrue.protect.base import Scene
from staytrue.types import Subject

SUBJECT = Subject(name="rex", photos=Path("photos"), class_noun="dog", identifier="sks")
RADIUS = 24 / 255


@cache
def loaded(folder):
    """Random weights hardly look at their input; a louder last layer makes the loss depend on the photo."""
    backbone = SD(path=str(folder)).load()
    backbone.unet.conv_out.weight.mul_(20)
    return backbone


def photos(rows=3, seed=0, side=16):
    """Smooth random pictures whose values are whole levels, some of them black and white."""
    coarse = torch.rand(rows, 3, 4, 4, generator=generator_for(seed, "photos")) * 1.4 - 0.2
    smooth = torch.nn.functional.interpolate(coarse, size=side, mode="bilinear")
    return (smooth.clamp(0, 1) * 255).round() / 255


def make_scene(folder, rows=3, **changes):
    clean = photos(rows)
    scene = Scene(
        clean=clean,
        reference=clean,
        subject=SUBJECT,
        radius=RADIUS,
        seed=5,
        batch=8,
        fresh=lambda path: deepcopy(loaded(path or folder)),
    )
    return replace(scene, **changes)
