"""The structured regularization set of "A Data Perspective"."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from staytrue.errors import ConfigError
from staytrue.generate.prompts import OTHER, SLOT, default_prompts, fill, read_prompts
from staytrue.generate.sampling import Sampling
from staytrue.grammar import word
from staytrue.registry import component
from staytrue.regularize.base import AnyBackbone, Brief, Planned, default_count, image_seed
from staytrue.regularize.clip_filter import ClipFilter
from staytrue.regularize.conditions import guard
from staytrue.regularize.words import (
    LIVING,
    OBJECT,
    PEOPLE,
    check_folder,
    own_entries,
    places_the_subject,
    pool,
    style_phrase,
)
from staytrue.types import Caption, Facts, Slot, Subject, is_person, lives

COUNT = 2000
Kind = Literal["against", "photo", "styled"]
KINDS: tuple[Kind, ...] = get_args(Kind)


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
    and the background stays beside them. The paper's set holds its evaluation prompts; ours keeps half of all conditions
    out (``conditions.py``), unless ``evaluation_prompts`` asks for the paper's way.
    Known to fail: words the generator does not draw make captions untrue; ``filter`` drops the worst of it.

    Attributes:
        count: how many; None is 300 for the miniature and 2000, the paper's, for other backbones.
        against: share of prompts against training.
        against_adjectives: whether those have adjectives, as in the paper. False: they say what the photos' captions say without
            the identifier, "a dog on the grass" and, in a share ``placeless`` of them, "a dog"; ours, for sets that state so much
            of every other image that nothing else keeps the bare class.
        photo: share of photographic prompts.
        styled: share of prompts in other styles.
        photo_style: what "photographic" is called.
        captions: what the images are trained with: "asked", as each was asked for, or "class_noun", all of them "a [class noun]".
            The latter is the paper's ablation (its figure 3): the same images, no longer matched by their words.
        stated: fill at most so many of a caption's adjectives and its motion, each number from 0 up equally often; None fills
            all, as in the paper. For generators that cannot draw so much at once, whose pictures would not be what their
            captions say (docs/log.md).
        accessories: share of captions of the living, those against training aside, with an accessory ("wearing a top hat") in
            place of a motion; the paper has none. Things wear nothing.
        placeless: share of captions, those against training with adjectives aside, without a background; the paper has none.
            They keep what a sentence that names no place draws, such as "a red dog", which ``train.background_dropout`` teaches
            the subject in.
        words: folder of word pools to use instead of the built-in ones, such as `staytrue words` writes.
        leak_guard: whether half of the backgrounds, colors and accessories, those in ``words`` too, are never in the set. The
            backgrounds of the subject's own photos always are: the photos show them anyway.
        evaluation_prompts: whether the prompts of the evaluation are in the set too, among those against training, as in
            the paper: True for those of ``generate.prompts``; a list or a text file for others. Those of the subject alone
            count, written with ``{}`` or with its identifier.
        filter: drops pictures in which CLIP does not find the class, or that it finds bad; None keeps all.
        generator: backbone that draws; None is the one being trained.
        sampling: how.
    """

    name: Literal["structured"] = "structured"
    count: int | None = Field(default=None, ge=1)
    against: float = Field(default=0.2, ge=0, le=1)
    against_adjectives: bool = True
    photo: float = Field(default=0.6, ge=0, le=1)
    styled: float = Field(default=0.2, ge=0, le=1)
    photo_style: str = "a photo of"
    captions: Literal["asked", "class_noun"] = "asked"
    stated: int | None = Field(default=None, ge=0)
    accessories: float = Field(default=0.0, ge=0, le=1)
    placeless: float = Field(default=0.0, ge=0, le=1)
    words: Path | None = None
    leak_guard: bool = True
    evaluation_prompts: bool | tuple[str, ...] | Path = False
    filter: ClipFilter | None = None
    generator: AnyBackbone | None = None
    sampling: Sampling = Field(default_factory=Sampling)

    @model_validator(mode="after")
    def _whole(self) -> Structured:
        if abs(self.against + self.photo + self.styled - 1) > 1e-6:
            raise ValueError(
                f"against + photo + styled must be 1, they are {self.against + self.photo + self.styled:g}"
            )
        return self

    def texts(self) -> list[str]:
        """The user's own pools, and the words that photos' captions begin with."""
        return [self.photo_style, *own_entries(self.words)]

    def slots(self, subject: Subject) -> frozenset[Slot]:
        """What its captions may fill beside noun and background."""
        filled = {
            "style": self.styled > 0 or (self.photo > 0 and bool(self.photo_style)),
            "adjectives": self.stated != 0 and (self.against_adjectives or self.against < 1),
            "details": lives(subject) and (self.stated != 0 or self.accessories > 0) and self.against < 1,
        }
        return frozenset(slot for slot in get_args(Slot) if filled[slot] and self.captions == "asked")

    def plan(self, brief: Brief) -> list[Planned]:
        """``count`` captions; the words of each depend on (seed, class noun, index) alone, its seed on (seed, index)."""
        check_folder(self.words)
        count = self.count or default_count(brief.facts, COUNT)
        kinds = interleave({kind: getattr(self, kind) for kind in KINDS}, count)
        trained_as = Caption(noun=brief.subject.class_noun) if self.captions == "class_noun" else None
        pools, shown = self._pools(brief), itertools.cycle(self._against(brief))
        plan = []
        for i, kind in enumerate(kinds):
            rng = random.Random(f"words {brief.seed} {pools.noun} {i}")
            caption = (
                self._against_caption(pools, next(shown), rng) if kind == "against" else self._caption(kind, pools, rng)
            )
            plan.append(Planned(caption, image_seed(brief.seed, i), trained_as=trained_as))
        return plan

    def conditions(self, facts: Facts) -> dict[str, Any]:
        """For the manifest: what this set was allowed to speak of."""
        asked = self.evaluation_prompts
        return {
            "leak_guard": self.leak_guard,
            "evaluation_prompts": asked if isinstance(asked, bool) else "listed",
            "unseen": guard(facts, self.words).unseen_by_kind() if self.leak_guard else {},
        }

    def _pools(self, brief: Brief) -> Pools:
        subject, facts = brief.subject, brief.facts
        living = lives(subject)
        kin = PEOPLE if living and is_person(subject) else ""
        keep = guard(facts, self.words).seen if self.leak_guard else tuple

        def words(name: str) -> tuple[str, ...]:
            return keep(pool(name, facts, self.words))

        return Pools(
            noun=subject.class_noun,
            adjectives=tuple(words(f"{kin}{name}") for name in (LIVING if living else OBJECT)),
            motions=words(f"{kin}motions") if living else (),
            accessories=words("accessories") if living and self.accessories else (),
            backgrounds=words("backgrounds"),
            styles=words("styles"),
            motions_name_places=places_the_subject(facts, self.words),
        )

    def _against(self, brief: Brief) -> tuple[Caption, ...]:
        """What the prompts against training show: the photos' own backgrounds, and the evaluation's prompts where asked."""
        noun, asked = brief.subject.class_noun, self.evaluation_prompts
        own = [Caption(noun, background=background) for background in own_backgrounds(brief.captions, brief.everyone)]
        if asked is False:
            return tuple(own)
        setting = "regularize.evaluation_prompts"
        templates = default_prompts(brief.subject, brief.facts) if asked is True else read_prompts(asked, setting)
        mine = [template for template in templates if OTHER not in template and fill(template, brief.subject).named]
        if not mine:
            raise ConfigError(
                f"{setting}: none of the prompts is of {brief.subject.name} alone; write one such as 'a {{}} on the beach', or"
                f" set {setting}=false"
            )
        return (*own, *(class_caption(template, brief.subject, brief.everyone) for template in mine))

    def _caption(self, kind: Kind, pools: Pools, rng: random.Random) -> Caption:
        """A caption with a style; every slot is drawn in a fixed order, so that an empty pool moves no other choice."""
        adjectives = [_pick(rng, words) for words in pools.adjectives]
        motion, background, style = (_pick(rng, p) for p in (pools.motions, pools.backgrounds, pools.styles))
        accessory = _pick(rng, pools.accessories)
        *adjectives, motion = self._stated([*adjectives, motion], rng)
        dressed = bool(accessory) and rng.random() < self.accessories
        motion = "" if dressed else motion
        styles = {"photo": self.photo_style, "styled": style_phrase(style) if style else ""}
        placeless = rng.random() < self.placeless
        where = "" if placeless or (motion and pools.motions_name_places) else background
        return Caption(
            pools.noun,
            style=styles[kind],
            adjectives=tuple(filter(None, adjectives)),
            details=f"wearing {accessory}" if dressed else motion,
            background=where,
        )

    def _against_caption(self, pools: Pools, shown: Caption, rng: random.Random) -> Caption:
        """What a photo's caption shows, with adjectives where these are told, and neither style nor motion."""
        if shown.text:
            return shown
        if not self.against_adjectives:
            return replace(shown, background="") if rng.random() < self.placeless else shown
        adjectives = self._stated([_pick(rng, words) for words in pools.adjectives], rng)
        return replace(shown, adjectives=tuple(filter(None, adjectives)))

    def _stated(self, slots: list[str], rng: random.Random) -> list[str]:
        """The slots with all but ``stated`` or fewer left empty."""
        filled = [place for place, word in enumerate(slots) if word]
        if self.stated is None:
            return slots
        kept = rng.sample(filled, min(len(filled), rng.randint(0, self.stated)))
        return [word if place in kept else "" for place, word in enumerate(slots)]


@dataclass(frozen=True)
class Pools:
    """The words one subject's captions are made from, after the leak guard.

    Attributes:
        noun: the class noun.
        adjectives: of each slot, in the order of the sentence.
        motions: what the living do.
        accessories: what is worn.
        backgrounds: where it is.
        styles: how it is drawn.
        motions_name_places: whether a motion leaves no room for a background.
    """

    noun: str
    adjectives: tuple[tuple[str, ...], ...]
    motions: tuple[str, ...]
    accessories: tuple[str, ...]
    backgrounds: tuple[str, ...]
    styles: tuple[str, ...]
    motions_name_places: bool


def class_caption(template: str, subject: Subject, beside: Sequence[Subject] = ()) -> Caption:
    """An evaluation prompt as the caption of a class image: "a {} on the beach" in slots, so that it can have adjectives.

    Any other form ("a red {}", "a painting of a {} on the beach") stays the sentence it is, without the identifier, nor those of
    subjects ``beside``. Where its own is written out, it stands for the class noun, too, if the prompt has none.
    """
    template = word(subject.phrase).sub(SLOT, template)
    if not word(subject.class_noun).search(fill(template, subject).plain):
        template = word(subject.identifier).sub(SLOT, template)
    start, slot, rest = template.partition(SLOT)
    if slot and start.lower() in ("a ", "an ") and SLOT not in rest:
        return Caption(subject.class_noun, details=fill(rest, subject, beside=beside).plain)
    return Caption(subject.class_noun, text=fill(template, subject, beside=beside).plain)


def own_backgrounds(captions: tuple[Caption, ...], everyone: Sequence[Subject] = ()) -> tuple[str, ...]:
    """The backgrounds of the subject's photos, each once, in order, but for those that name a subject of the run.

    ("",) where none is left.
    """
    said = dict.fromkeys(c.background for c in captions if c.background)
    return tuple(b for b in said if not any(word(one.identifier).search(b) for one in everyone)) or ("",)


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
