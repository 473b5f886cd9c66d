"""The leak guard: half of the conditions that a vocabulary can ask for are never in a regularization set.

With a small vocabulary every evaluation prompt's background, color and accessory would be in the set, and a score would
tell what was trained on. So half of each list is kept out, and results are reported for seen and unseen conditions apart. The
split is a property of the vocabulary alone, a user's own pools included, the same for every recipe, subject, seed and run.

It goes by conditions, not by strings: what is kept out is "beach", in whatever pool and sentence. An entry that holds all the
content words of a kept-out condition is kept out too: with "red" go "a red scarf" and "reddish".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from staytrue.regularize.words import pool
from staytrue.types import Facts

KINDS = ("colors", "backgrounds", "accessories")
# no meaning of their own: "on the beach" and "near a beach" are one condition
LITTLE_WORDS = (
    "a an the of on in at by to and with above across after against along amid amidst among around atop before behind beneath"
    " beside between beyond during inside near off opposite outside over through under underneath within wearing"
)
EMPTY = frozenset(LITTLE_WORDS.split())
JOINED = re.compile(r"\b(?:in front of|on top of|next to|in the background|in the middle of|at the side of)\b")
# "snows", "rosy" and "rose", "tanned", "reddish", where three letters or more are left; not "glass", "gray" or "speed"
ENDING = re.compile(r"(?<=\w{3})(?:(?<!s)s|e|(?<=[^aeiou])[iy]|(?<!e)ed|ish)$")
DOUBLED = re.compile(r"([b-df-hj-np-tv-z])\1$")
Words = frozenset[str]


@dataclass(frozen=True)
class Guard:
    """A vocabulary's split into seen and unseen conditions.

    Attributes:
        listed: every condition by kind ("colors", "backgrounds", "accessories").
        held: content of each condition that is kept out.
    """

    listed: tuple[tuple[str, tuple[str, ...]], ...]
    held: frozenset[Words]

    def unseen(self, condition: str) -> bool:
        """Whether a condition, such as "red", "on the beach" or "wearing a crown", can be in no set."""
        words = content(condition)
        return any(held <= words for word in words for held in self._by_word.get(word, ()))

    def seen(self, conditions: Iterable[str]) -> tuple[str, ...]:
        """Those of the conditions that a set may have, in order."""
        return tuple(c for c in conditions if not self.unseen(c))

    def unseen_by_kind(self) -> dict[str, list[str]]:
        """What is kept out, for manifests and reports."""
        return {kind: [c for c in conditions if self.unseen(c)] for kind, conditions in self.listed}

    @cached_property
    def _by_word(self) -> dict[str, list[Words]]:
        """Each held condition under one of its words."""
        found: dict[str, list[Words]] = {}
        for words in self.held:
            found.setdefault(min(words), []).append(words)
        return found


def guard(facts: Facts, folder: Path | None = None) -> Guard:
    """The split of the words there are: the user's own in a folder, else the backbone's lists (the miniature), else the built-in.

    A list of the user's own is halved anew: the one in whose place it stands keeps nothing out of it.
    """
    return _split(tuple((kind, pool(kind, facts, folder)) for kind in KINDS))


def unseen(condition: str, facts: Facts, folder: Path | None = None) -> bool:
    """Whether the leak guard keeps a condition out of every set: for evaluations, which report the two halves apart.

    It says what may be in a set, not what is: "accessories" are in one only with ``regularize.accessories`` above 0,
    ``regularize.leak_guard=false`` and ``regularize.evaluation_prompts`` put anything in (the manifest of the stage says so),
    and the backgrounds of a subject's own photos are always there.
    """
    return guard(facts, folder).unseen(condition)


def content(condition: str) -> Words:
    """Stems of the words that carry the meaning: "in front of the brick walls" and "by a bricked wall" are {brick, wal}."""
    words = re.findall(r"[a-z0-9]+", JOINED.sub(" ", condition.lower().replace("'", "")))
    return frozenset(_stem(w) for w in words if w not in EMPTY)


@lru_cache(maxsize=8)
def _split(listed: tuple[tuple[str, tuple[str, ...]], ...]) -> Guard:
    """Keeps out half of each list, rounded down, in the order of a hash; more where conditions contain each other."""
    held: set[Words] = set()
    for _, conditions in listed:
        words = {c: content(c) for c in conditions}
        out = {c for c in conditions if any(h <= words[c] for h in held)}
        for condition in sorted(words, key=_rank):
            if len(out) >= len(words) // 2:
                break
            if condition not in out and words[condition]:
                held.add(words[condition])
                out |= {c for c in conditions if words[condition] <= words[c]}
    return Guard(listed, frozenset(held))


def _rank(condition: str) -> str:
    """The place of a condition in the draw; never changes, so neither does a published split."""
    return hashlib.sha256(f"unseen {condition}".encode()).hexdigest()


def _stem(word: str) -> str:
    """What is left of a word without endings: red of "reddish", tan of "tanned", silver of "silvery", ber of "berries".

    No word, and of two meanings now and then ("a fair" and "a fairy"): what is kept out for nothing costs little.
    """
    word = word.replace("grey", "gray")
    while ENDING.search(word):
        word = ENDING.sub("", word)
    return re.sub(r"f$", "v", DOUBLED.sub(r"\1", word))  # "scarf" as "scarves"
