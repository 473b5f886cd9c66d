"""What the miniature needs instead of the papers' numbers: they are for models a hundred times its size."""

from __future__ import annotations

from staytrue.config import RunConfig, overlaid


def fitted(config: RunConfig) -> RunConfig:
    """The configuration itself, or, where the backbone is the miniature, with its scale of rates, batches and steps.

    A small model takes larger learning rates and is trained on several rows at once, so it needs fewer steps: a tenth of the
    paper's with four subject rows a step. About 300 class images, few solver steps.
    """
    if not config.backbone.facts().is_miniature:
        return config
    previews = {"every": "100 steps" if config.train.previews.every else None, "sampling": SAMPLING}
    return overlaid(
        config,
        {
            "regularize": {"count": 300, "sampling": SAMPLING},
            "train": {
                "steps": STEPS[config.regularize.name],
                "learning_rate": 1e-4,
                "batch": 4,
                "class_rows": 4,
                "previews": previews,
            },
            "generate": {"sampling": SAMPLING},
        },
    )


SAMPLING = {"steps": 12, "guidance": 3.0, "solver": "dpm++", "batch": 32}
STEPS = {"class_prompt": 200, "structured": 400}
