"""DreamBooth, from which the other recipes are derived."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, parse
from staytrue.recipes.miniature import fitted


def dreambooth(backbone: Backbone) -> RunConfig:
    """DreamBooth: one caption for every photo, and class images of one prompt to keep the class as it was.

    Paper: Ruiz et al., "DreamBooth: Fine Tuning Text-to-Image Diffusion Models for Subject-Driven Generation", arXiv 2208.12242,
    equation 2 with weight 1; for Stable Diffusion 1,000 steps at 5e-6, and about 1,000 class images.
    Differences: the text encoder stays frozen, as the paper's own was; released scripts often train it
    (``train.adapter.text_encoder=true``). The identifier is `olis` rather than `sks`, which is a rifle.
    On the miniature: see ``miniature.py``. Measured there on 20 subjects with two seeds: identity_heldout 0.480, identity_asked
    0.632, clip_t_object 0.406, composition 0.349; three minutes of training on a CPU, 1,000 MiB
    (``benchmarks/results/summary.json`` and ``minibench/table.md``). No result on a full-size model has been measured by this
    project yet.
    """
    values = {
        "caption": {"name": "template"},
        "regularize": {"name": "class_prompt", "count": 1000, "sampling": {"steps": 50}},
        "train": {
            "adapter": {"name": "full"},
            "objectives": {
                "class": {"objective": {"name": "denoising", "rows": "class"}},
                "subject": {"objective": {"name": "denoising", "rows": "subject"}},
            },
            "steps": 1000,
            "learning_rate": 5e-6,
        },
        "generate": {"sampling": {"steps": 50}},
    }
    return fitted(parse({"backbone": backbone_values(backbone), **values}))


def backbone_values(backbone: Backbone) -> dict[str, object]:
    """A backbone component as plain values."""
    from dataclasses import asdict

    return asdict(backbone)  # type: ignore[call-overload]
