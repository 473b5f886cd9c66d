"""A small version of any recipe."""

from __future__ import annotations

from staytrue.config import RunConfig, overlaid


def quick(config: RunConfig) -> RunConfig:
    """A quarter of the steps, a few dozen class images, one picture per prompt: to see that everything works.

    Not a method: its pictures say little about the recipe it was made from.
    """
    changes = {
        "train": {"steps": max(1, config.train.steps // 4)},
        "generate": {"images_per_prompt": 1},
    }
    if getattr(config.regularize, "count", None):
        changes["regularize"] = {"count": min(48, config.regularize.count)}
    return overlaid(config, changes)
