"""Recipes: a published method is a named choice of one value on each axis, written as a function.

A recipe takes the backbone it is for (whose ``facts`` settle resolution, vocabulary and scale) and returns a whole
``RunConfig`` without subjects. Recipes are derived from each other, so a diff of two functions is the difference of two papers.
"""

from __future__ import annotations

from collections.abc import Callable

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig
from staytrue.errors import ConfigError
from staytrue.recipes.data_perspective import data_perspective
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.quick import quick
from staytrue.recipes.staytrue import staytrue

RECIPES: dict[str, Callable[[Backbone], RunConfig]] = {
    "staytrue": staytrue,
    "dreambooth": dreambooth,
    "data-perspective": data_perspective,
}
DEFAULT = "staytrue"

__all__ = ["DEFAULT", "RECIPES", "quick", "recipe"]


def recipe(name: str, backbone: Backbone) -> RunConfig:
    """The configuration of a recipe for a backbone. Raises ``ConfigError`` with the names there are."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe named {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name](backbone)
