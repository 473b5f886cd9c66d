"""Custom Diffusion: keys and values of the cross-attention, and a word."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.miniature import fitted


def custom_diffusion(backbone: Backbone) -> RunConfig:
    """Custom Diffusion: trains only W_k and W_v of the cross-attentions and a token row, beside 200 class images.

    Paper: Kumari et al., "Multi-Concept Customization of Text-to-Image Diffusion", arXiv 2212.04488, sections 3.1 and 3.2: 250
    steps (500 for two subjects), prior weight 1, about 6 minutes on two A100. Its code names 1e-5 and scales it by pictures and
    GPUs, and ClassDiffusion's, which is made from it, does the same; what counts is the effective rate: **2e-5** here, for 2
    pictures a step on one GPU (the paper: 8e-5 for 8). Sampling: 100 steps, guidance 6, as released.
    Differences: class images are drawn by the model itself, the paper's are retrieved photos whose captions resemble the class;
    no resizing to 0.4 to 1.4 with "far away" and "close up" in the caption, and no flips; sampling is deterministic
    (there eta 1).
    On the miniature: see ``miniature.py``, first guesses. Not measured yet, there or on a full-size model.
    """
    changes = {
        "caption": {"style": "a photo of"},
        "regularize": {"count": 200, "style": "a photo of"},
        "train": {
            "adapter": {"name": "cross_attention"},
            "steps": 250,
            "learning_rate": 2e-5,
            "batch": 2,
            "class_rows": 2,
        },
        "generate": {"sampling": {"steps": 100, "guidance": 6.0}},
    }
    return fitted(overlaid(dreambooth(backbone), changes))
