"""Which checkpoint judges, and through which transform."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from staytrue.encoders.clip import ClipJudge
from staytrue.encoders.dino import DinoJudge
from staytrue.encoders.transform import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, Transform
from staytrue.encoders.world import SIDE_PX
from staytrue.types import Facts

AUTO, MINIATURE = "auto", "miniature"
CLIP_HUB, DINO_HUB = "openai/clip-vit-base-patch32", "facebook/dino-vits16"
NATIVE = Transform(crop_px=SIDE_PX, resize_px=None)


def is_miniature(checkpoint: str, facts: Facts) -> bool:
    """Whether the embedded judges are meant: named so, or "auto" beside a miniature backbone."""
    return checkpoint == MINIATURE or (checkpoint == AUTO and facts.is_miniature)


def clip_judge(checkpoint: str, facts: Facts, setting: str = "") -> ClipJudge:
    """The CLIP behind "auto", "miniature", a folder or a hub id; messages say which setting names another.

    Other checkpoints than the miniature's see CLIP's own 224 px crop.
    """
    if is_miniature(checkpoint, facts):
        return ClipJudge(_embedded("clip"), NATIVE, "Staytrue miniature CLIP judge")
    checkpoint = CLIP_HUB if checkpoint == AUTO else checkpoint
    side = side_px_of(checkpoint)
    return ClipJudge(checkpoint, Transform(side, side, CLIP_MEAN, CLIP_STD), checkpoint, setting)


def dino_judge(checkpoint: str, facts: Facts, setting: str = "") -> DinoJudge:
    """The ViT behind "auto", "miniature", a folder or a hub id; messages say which setting names another.

    Others than the miniature's see what DreamBooth's and DreamBench++'s code shows DINO: the shorter side at 256, the
    center 224 px.
    """
    if is_miniature(checkpoint, facts):
        return DinoJudge(_embedded("instance"), NATIVE, "Staytrue miniature instance judge")
    checkpoint = DINO_HUB if checkpoint == AUTO else checkpoint
    side = side_px_of(checkpoint)
    transform = Transform(side, round(side * 256 / 224), IMAGENET_MEAN, IMAGENET_STD)
    return DinoJudge(checkpoint, transform, checkpoint, setting)


def _embedded(name: str) -> str:
    return str(files("staytrue") / "assets" / "judges" / name)


def side_px_of(checkpoint: str, default: int = 224) -> int:
    """The side a local checkpoint says it sees; hub ids are not asked before they are loaded."""
    file = Path(checkpoint) / "config.json"
    config = json.loads(file.read_text()) if file.is_file() else {}
    return int(config.get("vision_config", config).get("image_size", default))
