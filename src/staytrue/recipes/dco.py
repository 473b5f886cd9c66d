"""Direct consistency optimization."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.miniature import fitted

BETA = 1000.0


def dco(backbone: Backbone) -> RunConfig:
    """DCO: a LoRA that learns the photos only as far as it beats the untrained model's error on them; no class images.

    Paper: Lee et al., "Direct Consistency Optimization for Robust Customization of Text-to-Image Diffusion Models",
    arXiv 2402.12004; code kyungmnlee/dco: SDXL, LoRA of rank 32 on denoiser and text encoders, 2,000 steps of one picture,
    5e-5 (text encoders 5e-6), beta 1000. Its hardware is not known to us; about half an hour on one A100 for Stable Diffusion,
    our estimate.
    Differences: Stable Diffusion; the loss is weighed 1 / beta, so that its gradient is denoising's times the gate: at the
    code's weight 1, clipping to norm 1 undoes the gate. Each row has a gate of its own (``direct_consistency``). The paper asks for
    comprehensive captions, written by hand: ours name the background; ``caption.name=sidecar`` reads yours. Its
    reward guidance at sampling is not built.
    On the miniature: see ``miniature.py``, first guesses. Not measured yet, there or on a full-size model.
    """
    changes = {
        "caption": {"name": "background"},
        "regularize": {"name": "none"},
        "train": {
            "adapter": {"name": "lora", "rank": 32, "text_encoder": True},
            "objectives": {
                "class": {"weight": 0.0},
                "subject": {"weight": 1 / BETA, "objective": {"name": "direct_consistency", "beta": BETA}},
            },
            "steps": 2000,
            "learning_rate": 5e-5,
            "text_encoder_learning_rate": 5e-6,
            "class_rows": 0,
        },
    }
    return fitted(overlaid(dreambooth(backbone), changes))
