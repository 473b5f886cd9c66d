"""Recipes: a published method is a named choice of one value on each axis, written as a function.

A recipe takes the backbone it is for (whose ``facts`` settle resolution, vocabulary and scale) and returns a whole
``RunConfig`` without subjects. Recipes are derived from each other, so a diff of two functions is the difference of two papers.
"""

from __future__ import annotations

from collections.abc import Callable

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig
from staytrue.errors import ConfigError
from staytrue.recipes.class_diffusion import class_diffusion, class_diffusion_released
from staytrue.recipes.contrastive_decoupling import contrastive_decoupling
from staytrue.recipes.custom_diffusion import custom_diffusion
from staytrue.recipes.data_perspective import data_perspective
from staytrue.recipes.dco import dco
from staytrue.recipes.dreambooth import dreambooth
from staytrue.recipes.quick import quick
from staytrue.recipes.semantic_anchoring import semantic_anchoring
from staytrue.recipes.shortcut_defense import shortcut_defense
from staytrue.recipes.staytrue import staytrue
from staytrue.recipes.textual_inversion import textual_inversion

RECIPES: dict[str, Callable[[Backbone], RunConfig]] = {
    "staytrue": staytrue,
    "dreambooth": dreambooth,
    "data-perspective": data_perspective,
    "textual-inversion": textual_inversion,
    "custom-diffusion": custom_diffusion,
    "class-diffusion": class_diffusion,
    "class-diffusion-released": class_diffusion_released,
    "semantic-anchoring": semantic_anchoring,
    "dco": dco,
    "contrastive-decoupling": contrastive_decoupling,
    "shortcut-defense": shortcut_defense,
}
DEFAULT = "staytrue"

__all__ = ["DEFAULT", "RECIPES", "quick", "recipe"]


def recipe(name: str, backbone: Backbone) -> RunConfig:
    """The configuration of a recipe for a backbone. Raises ``ConfigError`` with the names there are."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe named {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name](backbone)
