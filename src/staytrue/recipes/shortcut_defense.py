"""The whole defense against protected, over-compressed or noisy photos."""

from __future__ import annotations

import json

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, Values, overlaid
from staytrue.recipes.contrastive_decoupling import contrastive_decoupling
from staytrue.recipes.miniature import fitted, noise_words

Step = dict[str, str | float]


def shortcut_defense(backbone: Backbone) -> RunConfig:
    """Inspects the photos, cleans them, learns with contrastive decoupling, and draws away from noise.

    Paper: Liu et al., arXiv 2406.18944, all three stages; the settings of training and sampling are ``contrastive_decoupling``'s.
    Its purifier takes 51 seconds a photo on a GPU it does not name; ours a few.
    Differences: its purifier is CodeSR (CodeFormer, then the x4 upscaler), which needs further weights, for people under a
    non-commercial licence: ``purify.name=code_sr`` (docs/1-purify.md). Ours needs nothing but the backbone: JPEG of quality 75,
    then DiffPure from timestep 100 of 1,000, a first guess between its baselines, of which t = 300 redraws the subject. On the
    miniature it is half a pixel of blur, then the miniature's restorer. The inspection is ours.
    Photos that look protected, or noisy, are cleaned only with ``--i-have-the-rights``.
    On the miniature: see ``miniature.py``, first guesses; and the words are learned from noisy copies of the photos
    (``train.noisy``, ours), since as published they take the subject's place there (docs/log.md). Its parts were measured there
    over DreamBooth, one seed: at 32/255, on four subjects, they win back 0.84 to 0.97 of what four attacks cost, little under
    PhotoGuard, and cost clean photos 0.06 (``benchmarks/results/redteam-others.json``); at 11/255, on one subject, an attack
    costs 0.17 at most, too little to win back (``benchmarks/results/redteam.json``). No result on a full-size model has been
    measured by this project yet.
    """
    changes: Values = {"inspect": {"action": "warn"}, "purify": {"name": "chain", "steps": _steps(backbone)}}
    if backbone.facts().is_miniature:
        noise, _ = noise_words(backbone)
        changes["train"] = {"subject_suffix": f"without {noise}", "noisy": {"suffix": f"with {noise}"}}
    return fitted(overlaid(contrastive_decoupling(backbone), changes))


def defense(backbone: Backbone) -> list[str]:
    """Its purifier, and decoupling by noisy copies, over another recipe: for ``inspect.defense``.

    Decoupling as published is not among them: on the miniature its words took the subject's place, on clean photos too; and of the
    negative prompt beside it no use was seen (docs/log.md).
    """
    noise, _ = noise_words(backbone)
    return [
        "purify.name=chain",
        f"purify.steps=[{', '.join(map(_inline, _steps(backbone)))}]",
        f"train.subject_suffix=without {noise}",
        f"train.class_suffix=without {noise}",
        f"train.noisy.suffix=with {noise}",
        f"generate.suffix=without {noise}",
    ]


def _steps(backbone: Backbone) -> list[Step]:
    """For the miniature half a pixel of blur, then its restorer, which has learned from fainter noise (docs/log.md).

    DiffPure redraws pictures of 64 px.
    """
    if backbone.facts().is_miniature:
        return [{"name": "gaussian", "sigma_px": 4.0}, {"name": "restore"}]
    return [{"name": "jpeg", "quality": 75}, {"name": "diffpure", "t": 100}]


def _inline(step: Step) -> str:
    """A TOML inline table."""
    return f"{{{', '.join(f'{name} = {json.dumps(value)}' for name, value in step.items())}}}"
