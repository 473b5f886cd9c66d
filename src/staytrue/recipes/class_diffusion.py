"""ClassDiffusion: Custom Diffusion whose phrase stays near its class; as its paper says, and as its code does."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.custom_diffusion import custom_diffusion
from staytrue.recipes.miniature import fitted


def class_diffusion(backbone: Backbone) -> RunConfig:
    """ClassDiffusion as its paper says: no class images; the phrase's text feature, at its end, is held to that of its class.

    Paper: Huang et al., "ClassDiffusion: More Aligned Personalization Tuning with Explicit Class Guidance", arXiv 2405.17532,
    Stable Diffusion 1.5 on two RTX 4090, about 9 GB each; 500 steps (800 for two subjects) of 2 pictures, steps and rate from
    its scripts, since the paper's could not be read. Effective rate **2e-5**: its scripts' 1e-5 scaled by 2 pictures on one GPU
    (on their two GPUs 4e-5). A few minutes on one such GPU, our estimate.
    The weight: its 1 beside a reconstruction loss that sums four channels and divides by one equals **0.25** beside our mean
    square.
    Differences: those of ``custom_diffusion``; each row's mean square is not masked to the valid region of a resized photo.
    On the miniature: see ``miniature.py``, first guesses. Measured there on four subjects for tuning with one seed and the
    identifier <new1>: identity_heldout 0.361, identity_asked 0.591, clip_t_object 0.359, conditions 0.842; half a minute of
    training on a CPU, 858 MiB (``benchmarks/results/14-pooling/summary.json`` and ``table.md``). No result on a full-size model
    has been measured by this project yet.
    """
    semantics = {"weight": 0.25, "objective": {"name": "class_semantics", "pooling": "eos"}}
    changes = {
        "regularize": {"name": "none"},
        "train": {
            "objectives": {"class": {"weight": 0.0}, "semantics": semantics},
            "steps": 500,
            "class_rows": 0,
        },
    }
    return fitted(overlaid(custom_diffusion(backbone), changes))


def class_diffusion_released(backbone: Backbone) -> RunConfig:
    """ClassDiffusion as its code does: the phrase is read at the largest token id, which is that of a new token, such as <new1>.

    Code: Rbrq03/ClassDiffusion 06a1d2e, utils/semantic_preservation_loss.py. A newly added token has the largest id, and
    attention is causal, so what is compared is "a photo of a [V]" without a class noun, and without [V]'s position, with the
    end of "a photo of a [class noun]". Paper, hardware and everything else as ``class_diffusion``: the pooling is the one
    difference between the two.
    So it wants ``--identifier '<new1>'``. One that the vocabulary has, as the miniature's and Stable Diffusion's have the default
    `olis` (49397), has a smaller id than the end mark (49407): then the end is read, only the missing position is left of the
    difference, and a run warns of it.
    On the miniature: see ``miniature.py``, first guesses. Measured there on four subjects for tuning with one seed and the
    identifier <new1>: identity_heldout 0.390, identity_asked 0.561, clip_t_object 0.329, conditions 0.658; half a minute of
    training on a CPU, 861 MiB (``benchmarks/results/14-pooling/summary.json`` and ``table.md``). No result on a full-size model
    has been measured by this project yet.
    """
    changes = {"train": {"objectives": {"semantics": {"objective": {"pooling": "released"}}}}}
    return fitted(overlaid(class_diffusion(backbone), changes))
