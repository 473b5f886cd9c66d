"""The structured regularization set of "A Data Perspective"."""

from __future__ import annotations

import random
from typing import Literal, get_args

from pydantic import Field, model_validator

from staytrue.generate.sampling import Sampling
from staytrue.registry import component
from staytrue.regularize.base import AnyBackbone, Brief, Planned, default_count, image_seed
from staytrue.regularize.words import is_living, is_person, pool, style_phrase
from staytrue.types import Caption

COUNT = 2000
Kind = Literal["against", "photo", "styled"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OBJECT = ("shapes", "colors", "textures")
LIVING = ("bodies", "skins", "emotions")


@component
class Structured:
    """Diverse class images, each captioned as it was asked for.

    Objects are "[style] a [shape] [color] [texture] [class] [background]", the living "[style] a [body] [skin] [emotion]
    [class] [motion]", with words of their own for people. Three kinds of prompts, spread evenly: *against* training, with
    the backgrounds of the subject's own captions and no style, so that these do not come to mean the subject; *photo*, in
    the photographic style; *styled*, in other styles.

    Source: He et al., "A Data Perspective on Enhanced Identity Preservation for Diffusion Personalization"
    (arXiv 2311.04315, section 3). Differences: its word lists are not public, ours are written anew. The built-in motions
    name a place and so replace the background, as there; a backbone's own motions (the miniature's "running") do not,
    and the background stays beside them.
    Known to fail: words the generator does not draw make captions untrue.

    Attributes:
        count: how many; None is 300 for the miniature and 2000, the paper's, for other backbones.
        against: share of prompts against training.
        photo: share of photographic prompts.
        styled: share of prompts in other styles.
        photo_style: what "photographic" is called.
        captions: what the images are trained with: "asked", as each was asked for, or "class_noun", all of them "a [class noun]".
            The latter is the paper's ablation (its figure 3): the same images, no longer matched by their words.
        generator: backbone that draws; None is the one being trained.
        sampling: how.
    """

    name: Literal["structured"] = "structured"
    count: int | None = Field(default=None, ge=1)
    against: float = Field(default=0.2, ge=0, le=1)
    photo: float = Field(default=0.6, ge=0, le=1)
    styled: float = Field(default=0.2, ge=0, le=1)
    photo_style: str = "a photo of"
    captions: Literal["asked", "class_noun"] = "asked"
    generator: AnyBackbone | None = None
    sampling: Sampling = Field(default_factory=Sampling)

    @model_validator(mode="after")
    def _whole(self) -> Structured:
        if abs(self.against + self.photo + self.styled - 1) > 1e-6:
            raise ValueError(
                f"against + photo + styled must be 1, they are {self.against + self.photo + self.styled:g}"
            )
        return self

    def plan(self, brief: Brief) -> list[Planned]:
        """``count`` captions; the words and the seed of each depend on (seed, index) alone."""
        count = self.count or default_count(brief.facts, COUNT)
        kinds = interleave({kind: getattr(self, kind) for kind in KINDS}, count)
        trained_as = Caption(noun=brief.subject.class_noun) if self.captions == "class_noun" else None
        return [
            Planned(
                caption=self._caption(kind, brief, random.Random(f"words {brief.seed} {i}")),
                seed=image_seed(brief.seed, i),
                trained_as=trained_as,
            )
            for i, kind in enumerate(kinds)
        ]

    def _caption(self, kind: Kind, brief: Brief, rng: random.Random) -> Caption:
        """One caption; every slot is drawn in a fixed order, so that an empty pool moves no other choice."""
        facts, living = brief.facts, is_living(brief.subject, brief.facts)
        kin = "people/" if living and is_person(brief.subject) else ""
        describing = [f"{kin}{name}" for name in LIVING] if living else OBJECT
        adjectives = [_pick(rng, pool(name, facts)) for name in describing]
        motion = _pick(rng, pool(f"{kin}motions", facts) if living else ())
        background, style = _pick(rng, pool("backgrounds", facts)), _pick(rng, pool("styles", facts))
        own = _pick(rng, own_backgrounds(brief.captions))
        if kind == "against":
            motion, background = (motion if facts.words else ""), own
        elif motion and not facts.words:
            background = ""
        styles = {"against": "", "photo": self.photo_style, "styled": style_phrase(style) if style else ""}
        return Caption(
            noun=brief.subject.class_noun,
            style=styles[kind],
            adjectives=tuple(filter(None, adjectives)),
            details=motion,
            background=background,
        )


def own_backgrounds(captions: tuple[Caption, ...]) -> tuple[str, ...]:
    """The backgrounds of the subject's photos, each once, in order; ("",) where the captions name none."""
    return tuple(dict.fromkeys(c.background for c in captions if c.background)) or ("",)


def interleave(shares: dict[Kind, float], count: int) -> list[Kind]:
    """Kinds in the given shares, at every length as close to them as whole images allow.

    At each place comes the kind that lags most behind its share; ties go to the earlier one. With 0.2, 0.6, 0.2:
    photo, photo, against, styled, photo, and so on.
    """
    drawn = dict.fromkeys(shares, 0)
    order: list[Kind] = []
    for place in range(1, count + 1):
        kind = max(shares, key=lambda k: round(shares[k] * place - drawn[k], 9))
        drawn[kind] += 1
        order.append(kind)
    return order


def _pick(rng: random.Random, words: tuple[str, ...]) -> str:
    """One of the words, "" where there are none; takes one number from ``rng`` either way."""
    chance = rng.random()
    return words[int(chance * len(words))] if words else ""
