"""Scenes: everything a picture shows, drawn at random."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from foundry.world.backgrounds import BACKGROUNDS, PLAIN, SCENES
from foundry.world.clothes import WARDROBE
from foundry.world.nouns import Noun, nouns
from foundry.world.overlays import MOODS, MOTIONS
from foundry.world.paint import COLORS, TEXTURES
from foundry.world.sprites import design_of, drawings
from foundry.world.stage import SECONDS
from foundry.world.styles import DEGRADATIONS, STYLES
from foundry.world.variants import POOL

RARE = ("olis", "zwx", "blorp", "quon", "vexu", "tribk")
SHAPES = ("tiny", "huge", "tall", "wide", "cube shaped")
CLEAN = "without noise"
DRAWN_ONLY = ("sprite", "individual", "backdrop", "layout")


@dataclass(frozen=True)
class Scene:
    """One picture: what its caption may say, then how it is drawn.

    Attributes:
        noun: the class noun; `hypernym` replaces it in the caption.
        design: who it is, as `<family-design>/<variant>`.
        family: the icon family drawn from.
        sprite: the sprite's key.
        individual: the variant's number.
        backdrop: the background drawn; `background` is the captioned one.
        layout: seed of everything uncaptioned.
    """

    noun: str
    design: str
    family: str
    sprite: str
    individual: int
    backdrop: str
    layout: int
    color: str | None = None
    texture: str | None = None
    shape: str | None = None
    accessory: str | None = None
    second: str | None = None
    background: str | None = None
    style: str | None = None
    mood: str | None = None
    motion: str | None = None
    degradation: str | None = None
    rare: str | None = None
    hypernym: str | None = None

    def metadata(self) -> dict[str, str | None]:
        """The row saved beside a picture, without its caption."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in DRAWN_ONLY}


COLORLESS = ("black and white photo", "sepia photo", "line drawing", "pencil sketch", "neon sign")
CHOICES = {
    "background": (tuple(BACKGROUNDS), 3.2),
    "color": (tuple(COLORS), 1.5),
    "style": (tuple(STYLES), 0.7),
    "texture": (TEXTURES, 0.55),
    "shape": (SHAPES, 0.5),
    "second": (tuple(SECONDS), 0.5),
    "accessory": (tuple(WARDROBE), 0.8),
    "motion": (MOTIONS, 0.6),
    "mood": (MOODS, 0.6),
}
LIVING_ONLY = ("accessory", "motion", "mood")
CLASHES = {
    "silhouette": ("color", "texture", "mood", "accessory"),
    "black and white photo": ("color",),
    "sepia photo": ("color",),
    "line drawing": ("color", "texture"),
    "pencil sketch": ("color",),
    "cube shaped": ("accessory", "motion", "style"),
    "tiny": ("accessory", "mood", "texture"),
    "huge": ("accessory", "mood", "motion", "second"),
    "mosaic": ("accessory", "texture", "mood"),
    "pixel art": ("texture",),
    "sleeping": ("accessory", "shape"),
    "wooden": ("color",),
    "on a wooden floor": ("texture",),
    "rainbow": ("color", "style"),
    "neon sign": ("texture",),
}


def sample_scene(rng: np.random.Generator, noun: str | None = None) -> Scene:
    """Draw a scene at random.

    Args:
        rng: source of every choice.
        noun: the noun to show; any when None.
    """
    kind = nouns()[noun] if noun else list(nouns().values())[rng.integers(len(nouns()))]
    told = _conditions(kind, rng)
    backdrop = told.get("background") or backdrop_for(rng)
    who = _who(kind, rng)
    drawn: dict[str, Any] = {"backdrop": backdrop, "layout": int(rng.integers(2**31))}
    said: dict[str, Any] = {**_avoid(told, backdrop), **_words(kind, told, rng)}
    return Scene(**who, **drawn, **said)


def _who(kind: Noun, rng: np.random.Generator) -> dict[str, Any]:
    """Choose the drawing and the individual."""
    designs = drawings(kind.emoji)
    keys = designs[rng.integers(len(designs))]
    key = keys[rng.integers(len(keys))]
    individual = 0 if rng.random() < 0.45 else int(rng.integers(1, POOL))
    name = f"{design_of(key)}/{'plain' if individual == 0 else f'v{individual}'}"
    return {"noun": kind.name, "design": name, "family": key.split("/")[0], "sprite": key, "individual": individual}


def backdrop_for(rng: np.random.Generator) -> str:
    """An uncaptioned background: a neutral wall as often as a scene."""
    if rng.random() < 0.5:
        return f"on a {rng.choice(['white', 'gray'])} background"
    return list(SCENES)[rng.integers(len(SCENES))]


def _conditions(kind: Noun, rng: np.random.Generator) -> dict[str, str]:
    """Choose what the caption tells: nothing, only the background, or one to four conditions."""
    luck = rng.random()
    if luck < 0.05:
        return {}
    if luck < 0.20:
        return {"background": str(rng.choice(BACKGROUNDS))}
    names = [name for name in CHOICES if kind.living or name not in LIVING_ONLY]
    weights = np.array([CHOICES[name][1] for name in names])
    count = rng.choice([1, 2, 3, 4], p=[0.3, 0.42, 0.22, 0.06])
    picked = rng.choice(names, count, replace=False, p=weights / weights.sum())
    told = {str(name): str(rng.choice(CHOICES[name][0])) for name in picked}
    if kind.name in told.get("second", ""):
        del told["second"]
    return _settle(told)


def _settle(told: dict[str, str]) -> dict[str, str]:
    """Drop conditions that could not be seen beside the others."""
    for value in list(told.values()):
        for name in CLASHES.get(value, ()):
            told.pop(name, None)
    if told.get("style") in COLORLESS and told.get("background") in PLAIN:
        del told["background"]
    if told.get("motion") == "swimming" and told.get("background") not in (None, "on the beach"):
        del told["motion"]
    return told


def _avoid(told: dict[str, str], backdrop: str) -> dict[str, str]:
    """Never show a subject on a background of its own color."""
    if told.get("color") and told["color"] == PLAIN.get(backdrop):
        return {name: value for name, value in told.items() if name != "color"}
    return told


def _words(kind: Noun, told: dict[str, str], rng: np.random.Generator) -> dict[str, str]:
    """Choose class word, rare word and degradation."""
    words = {}
    if rng.random() < 0.06:
        words["hypernym"] = str(rng.choice(kind.hypernyms))
    if rng.random() < 0.012:
        words["rare"] = str(rng.choice(RARE))
    if "style" not in told and rng.random() < 0.045:
        words["degradation"] = str(rng.choice((*DEGRADATIONS, CLEAN)))
    return words
