"""What the miniature needs instead of the papers' numbers: they are for models a hundred times its size."""

from __future__ import annotations

from typing import Any

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, Values, overlaid


def fitted(config: RunConfig, train: Values | None = None) -> RunConfig:
    """The configuration itself, or, where the backbone is the miniature, with its scale of rates, batches and steps.

    A small model takes larger learning rates and is trained on several rows at once, so it needs fewer steps: a tenth of
    the paper's with four subject rows a step. About 300 class images, few solver steps, and no more said of each than a
    small model draws. No random crops: its subjects fill photos that have no more pixels than it draws, so a crop cuts a
    subject off and blurs it, which cost identity and gained nothing (docs/log.md). Rate and steps of full
    fine-tuning beside class images are what the search chose on tuning subjects (benchmarks/results/0-search: the same for
    both kinds of sets); all others are first guesses.

    Args:
        config: a recipe with the paper's numbers.
        train: settings of training on the miniature that this one recipe has otherwise.
    """
    facts = config.backbone.facts()
    if not facts.is_miniature:
        return config
    previews = {"every": "100 steps" if config.train.previews.every else None, "sampling": SAMPLING}
    rows = {
        "steps": STEPS[config.regularize.name],
        "batch": 4,
        "class_rows": 4,
        "crop_range": [1.0, 1.0],
        "previews": previews,
    }
    stated = {"stated": STATED} if config.regularize.name == "structured" else {}
    drawn: Values = {"regularize": {"count": 300, "sampling": SAMPLING, **stated}}
    if config.regularize.name == "none":
        drawn, rows["class_rows"] = {}, 0
    adapter = {"adapter": _adapter(config.train.adapter, facts.words["identifiers"])}
    fit = {**rows, **RATES[config.train.adapter.name], **adapter, **(train or {})}
    if getattr(config.train.adapter, "text_encoder", False):
        fit["text_encoder_learning_rate"] = fit["learning_rate"] * TEXT_ENCODER
    return overlaid(config, {**drawn, "train": fit, "generate": {"sampling": SAMPLING}})


def noise_words(backbone: Backbone) -> tuple[str, str]:
    """What contrastive decoupling calls the noise of photos, with a rare word in it, and what its pictures are drawn away from.

    For a real model the words of DiffShortcut's code; for the miniature such as it knows.
    """
    if backbone.facts().is_miniature:
        return "zwx noise", "noisy low quality jpeg artifacts"
    return "bhj noisy pattern", "noisy, lowres, artifact, pattern"


def _adapter(adapter: Any, identifiers: list[str]) -> Values:
    """A published word that rows start as (Custom Diffusion's "ktn") is none of the miniature's: three of its rarest instead."""
    if adapter.name == "cross_attention":
        return {"initializers": list(identifiers[-3:])}
    return {"rank": min(adapter.rank, 8)} if adapter.name == "lora" else {}


SAMPLING = {"steps": 12, "guidance": 3.0, "solver": "dpm++", "batch": 32}
STATED = 1  # it draws one such word well, four at once not (benchmarks/suites/2-leakage.toml)
STEPS = {"class_prompt": 400, "structured": 400, "none": 200}
RATES: dict[str, Values] = {
    "full": {"learning_rate": 1.5e-4},
    "lora": {"learning_rate": 1e-3},
    "cross_attention": {"learning_rate": 5e-4, "token_learning_rate": 5e-3},
    "textual_inversion": {"learning_rate": 5e-3},
}
TEXT_ENCODER = 0.1  # its rate, as a share of the denoiser's
