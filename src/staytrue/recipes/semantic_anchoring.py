"""Semantic anchoring: our reading of it."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.miniature import fitted


def semantic_anchoring(backbone: Backbone) -> RunConfig:
    """Semantic anchoring, our reading: the photos alone, their prediction held to what the untrained model says of the class.

    Paper: Yang et al., "Semantic Anchoring for Robust Personalization", arXiv 2511.22245, of which no equation, setting or
    hardware could be read: **not a reproduction**. Reading A of ``semantic_anchor`` beside denoising; its weight of 0.5, with
    which a third of the target is the frozen model's, is our first guess; steps and rate are DreamBooth's.
    Full fine-tuning, like ``dreambooth``, from which it then differs by nothing but the anchor in the place of the class images
    (the abstract sets it against prior preservation). That keeps a second, frozen copy of the denoiser, 3.4 GB for Stable
    Diffusion; ``train.adapter.name=lora train.learning_rate=1e-4`` needs none. No class images are drawn; one frozen pass more a
    step, about a third of the time.
    Reading F adds the ladder: ``train.objectives.ladder.objective.name=semantic_ladder train.objectives.ladder.weight=0.01``, its
    middle rung with ``subjects.0.class_noun_vague=pet``.
    On the miniature: see ``miniature.py``, first guesses. Not measured yet, there or on a full-size model.
    """
    anchor = {"weight": 0.5, "objective": {"name": "semantic_anchor", "reading": "A"}}
    changes = {
        "regularize": {"name": "none"},
        "train": {"objectives": {"class": {"weight": 0.0}, "anchor": anchor}, "class_rows": 0},
    }
    return fitted(overlaid(dreambooth(backbone), changes))
