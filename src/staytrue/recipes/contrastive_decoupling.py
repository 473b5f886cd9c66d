"""Contrastive decoupling: the noise of protected photos gets a name of its own."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.miniature import fitted, noise_words


def contrastive_decoupling(backbone: Backbone) -> RunConfig:
    """Contrastive decoupling: "with [noise]" on subject captions, "without [noise]" on class captions and on prompts.

    Paper: Liu et al., "Rethinking and Red-Teaming Protective Perturbation in Personalized Diffusion Models", arXiv 2406.18944,
    stages 2 and 3. No new loss: three settings, each of use alone: ``train.subject_suffix``; ``train.class_suffix``; and at
    sampling ``generate.suffix`` with ``generate.sampling.negative``. Stable Diffusion 2.1-base, denoiser and text encoder, 1,000
    steps at 5e-7, one photo and one class image a step, 200 class images, weight 1; 100 sampling steps at guidance 7.5. Hardware
    and minutes are not stated; about 20 minutes on one A100, our estimate.
    Differences: "with ..." as the paper writes it (its code: a comma), with the code's noise words, which are plain text and
    learned through the text encoder; AdamW is not the 8-bit one; the identifier is not `sks`.
    On the miniature: see ``miniature.py``, first guesses, with noise words that it knows. Not measured yet as published, there or
    on a full-size model. With noisy copies (``train.noisy``), over DreamBooth on one subject's clean photos, the average score is
    0.818, without 0.776 (``benchmarks/results/redteam.json``).
    """
    noise, negative = noise_words(backbone)
    changes = {
        "caption": {"style": "a photo of"},
        "regularize": {"count": 200, "style": "a photo of"},
        "train": {
            "adapter": {"name": "full", "text_encoder": True},
            "subject_suffix": f"with {noise}",
            "class_suffix": f"without {noise}",
            "learning_rate": 5e-7,
        },
        "generate": {"suffix": f"without {noise}", "sampling": {"steps": 100, "negative": negative}},
    }
    return fitted(overlaid(dreambooth(backbone), changes))
