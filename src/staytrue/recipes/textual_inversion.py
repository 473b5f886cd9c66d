"""Textual inversion: the subject as one word."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.miniature import fitted


def textual_inversion(backbone: Backbone) -> RunConfig:
    """Textual inversion: one row of the token embedding is trained, which starts as the class noun; the model stays as it is.

    Paper: Gal et al., "An Image is Worth One Word: Personalizing Text-to-Image Generation using Textual Inversion",
    arXiv 2208.01618, equation 2. There two V100 and a latent diffusion model: 5,000 steps of 4 pictures, an effective rate of
    0.04. Ours are the settings that Stable Diffusion is used with, those of diffusers' own example: 3,000 steps of 4 pictures at
    5e-4 scaled by the 4 pictures, so an effective 2e-3. No class images. About an hour on one A100-class GPU, our estimate.
    Differences: the paper's captions vary ("a rendering of a [V]", "a cropped photo of the [V]") and leave the class noun out;
    ours are one, "a photo of a [identifier] [class noun]", as in all recipes, so that prompts and scores are the same for all.
    On the miniature: see ``miniature.py``, first guesses. Not measured yet, there or on a full-size model.
    """
    changes = {
        "caption": {"style": "a photo of"},
        "regularize": {"name": "none"},
        "train": {
            "adapter": {"name": "textual_inversion"},
            "objectives": {"class": {"weight": 0.0}},
            "steps": 3000,
            "learning_rate": 2e-3,
            "batch": 4,
            "class_rows": 0,
        },
    }
    return fitted(overlaid(dreambooth(backbone), changes), {"steps": 400})
