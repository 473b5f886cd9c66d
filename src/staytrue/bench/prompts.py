"""The bundled prompts: each a record of what it asks for, so that a picture can be judged by condition."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from staytrue.backbones import SD
from staytrue.bench.subjects import HOME
from staytrue.generate.prompts import Prompt, fill
from staytrue.grammar import is_plural, with_article
from staytrue.runs import read_jsonl
from staytrue.types import Subject, lives

ListName = Literal["prompts", "rephrased", "two-conditions", "identifier-first", "portraits"]
POOLS = {
    "accessory": "accessories",
    "background": "backgrounds",
    "color": "colors",
    "motion": "motions",
    "second": "seconds",
    "shape": "shapes",
    "style": "styles",
    "texture": "textures",
}
MAIN_LIST = "prompts"
PHOTOS: Final = "photos"  # not a list of prompts: photos under their own captions
# every picture has some background and some color, so "none" is no alternative to these
ALWAYS_THERE = frozenset({"background", "color"})
CLASS_PROMPTS = ("a {noun}", "a {noun} on the beach", "a {noun} on a wooden floor")
OTHER_NOUNS = ("horse", "owl", "bottle", "chair", "pizza", "umbrella", "butterfly", "truck")


@dataclass(frozen=True)
class Asked:
    """One prompt of the suite.

    Attributes:
        id: such as "living/prompts/07".
        list: which list it is of.
        kind: place, surface, accessory, color, texture, shape, style, motion, or two (conditions).
        text: with ``{}`` for the subject and a slot for each condition.
        conditions: slot -> words, such as ``{"accessory": "wearing a crown"}``.
    """

    id: str
    list: ListName | Literal["photos"]
    kind: str
    text: str
    conditions: dict[str, str]

    def template(self, **exchanged: str) -> str:
        """The prompt with its conditions filled in, some exchanged; "" leaves one out. ``{}`` stays."""
        text = self.text
        for slot, words in (self.conditions | exchanged).items():
            text = text.replace(f"{{{slot}}}", words)
        return re.sub(r" +([,]| |$)", r"\1", text).strip(" ,")

    def prompt(self, subject: Subject, **exchanged: str) -> Prompt:
        """The prompt for a subject, with and without its identifier."""
        return fill(self.drawn(subject, **exchanged), subject)

    def drawn(self, subject: Subject, **exchanged: str) -> str:
        """The template as ``generate.prompts`` takes it, its grammar fitted to the subject's noun."""
        text = self.template(**exchanged)
        pair = is_plural(subject.class_noun)
        if pair:
            text = text.replace("{} that is ", "{} that are ")
        if "{identifier}" in text:
            head, tail = text.split("{noun}")
            words = head.removeprefix("a ").replace("{identifier}", subject.identifier) + subject.class_noun
            text = with_article(words, subject.identifier) + tail
        return text

    def alternatives(self, slot: str, words: dict[str, Any]) -> Sequence[str]:
        """What could stand in a slot instead, in the same form: other words of its pool, and nothing at all."""
        asked, pool = self.conditions[slot], words[POOLS[slot]]
        word = self.word(slot, words)
        others = [_exchanged(asked, word, other) for other in pool if other != word]
        return others if slot in ALWAYS_THERE else [*others, ""]

    def word(self, slot: str, words: dict[str, Any]) -> str:
        """The pool's word in a condition: "a crown" of "wearing a crown"."""
        asked = self.conditions[slot]
        found = [w for w in words[POOLS[slot]] if re.search(rf"\b{re.escape(w)}\b", asked)]
        if not found:
            raise ValueError(f"{self.id}: no word of the pool {POOLS[slot]} in {asked!r}")
        return str(max(found, key=len))


def suite_prompts(subject: Subject, lists: tuple[ListName, ...], most: int | None = None) -> list[Asked]:
    """The prompts of some lists that suit a subject, living or not.

    Args:
        subject: who is drawn.
        lists: names of lists, in order.
        most: of each list, this many, spread evenly over its kinds; None for all.
    """
    who = "living" if lives(subject) else "objects"
    found = []
    for name in lists:
        mine = [asked for w, asked in _all() if w == who and asked.list == name]
        step = 1.0 if most is None else max(1.0, len(mine) / most)
        found += [mine[int(i * step)] for i in range(len(mine)) if int(i * step) < len(mine)][:most]
    return found


def class_prompts(subject: Subject) -> list[str]:
    """Prompts that name the class and not the subject."""
    return [p.replace("a {noun}", with_article(subject.class_noun)) for p in CLASS_PROMPTS]


def other_prompts(subject: Subject) -> list[str]:
    """Prompts of other classes."""
    return [with_article(noun) for noun in OTHER_NOUNS if noun not in (subject.class_noun, subject.class_noun_vague)]


@cache
def suite_words() -> dict[str, Any]:
    """The word pools that the prompts and their alternatives are made of: the miniature's."""
    return dict(SD().facts().words)


@cache
def _all() -> tuple[tuple[str, Asked], ...]:
    rows = read_jsonl(HOME / "prompts.jsonl")
    return tuple((row.pop("who"), Asked(**row)) for row in rows)


def _exchanged(asked: str, word: str, other: str) -> str:
    """A condition with another word of the pool, and the article that fits it: "with an apple" to "with a ball"."""
    with_its_article = re.search(rf"\ban? {re.escape(word)}\b", asked)
    if with_its_article and not word.startswith(("a ", "an ")):
        return asked.replace(with_its_article[0], with_article(other))
    return asked.replace(word, other)
