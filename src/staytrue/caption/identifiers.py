"""Finding a rare token: a word that is one token of the backbone's tokenizer, and draws nothing of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from staytrue.backbones import BACKBONES
from staytrue.backbones.clip_words import END_OF_WORD, ClipWords, clip_words
from staytrue.caption.meaning import means_something, offends
from staytrue.errors import ConfigError
from staytrue.generate.sampling import Request, Sampling
from staytrue.grammar import with_article
from staytrue.registry import component
from staytrue.types import Facts

if TYPE_CHECKING:
    from PIL import Image


@component
class Identifiers:
    """The settings of `staytrue list identifiers`.

    Without ``draw`` only the tokenizer is read. Of its one-token words it takes the latest merged, which were the rarest in
    the text that the tokenizer was made from, less those that are known to mean something or to offend (``meaning.py``); a
    backbone that lists words without meaning (the miniature) has those.

    With ``draw`` it asks the backbone itself, for n seeds s of the same first noise:
        moved = mean_s (1 - cos(I("a [noun]", s), I("a [word] [noun]", s)))
        spread = mean_{s<t} (1 - cos(I("a [noun]", s), I("a [noun]", t)))
        own = moved / spread: 0 draws nothing of its own, 1 changes the picture as another seed does
        loss = CLIP-T("a [noun]" pictures) - CLIP-T("a [word] [noun]" pictures), both against "a [noun]"
    with I the CLIP embedding of a picture. The words come in the order of ``own``.

    Known to fail: any word moves a picture a little, so ``own`` is for comparing words on one backbone, not for a threshold.

    Attributes:
        count: how many words.
        letters: fewest and most.
        words: look at these instead of searching.
        draw: draw pictures, and say what each word draws.
        class_noun: of the pictures.
        pictures: seeds for each word; at least 2.
        sampling: how they are drawn.
        checkpoint: folder or hub id of the CLIP; "auto" as in ``evaluate``.
    """

    count: int = Field(default=20, ge=1)
    letters: tuple[int, int] = (3, 5)
    words: tuple[str, ...] = ()
    draw: bool = False
    class_noun: str = "dog"
    pictures: int = Field(default=4, ge=2)
    sampling: Sampling = Field(default_factory=Sampling)
    checkpoint: str = "auto"

    def found(self, backbone: Any) -> dict[str, str]:
        """Words, each with what is known of it."""
        words, facts = clip_words(backbone.files().folder), backbone.facts()
        chosen = list(self.words) or self.search(words, facts)
        return {word: spelled(word, words) for word in chosen}

    def search(self, words: ClipWords, facts: Facts) -> list[str]:
        """The first ``count`` candidates."""
        least, most = self.letters
        own = [w for w in facts.words.get("identifiers", ()) if words.is_one_token(w)]
        fits = (w for w in own or rare_words(words) if least <= len(w) <= most)
        if not (found := list(itertools.islice(fits, self.count))):
            raise ConfigError(f"no word of {least} to {most} letters is one token; widen identifiers.letters")
        return found

    def drawn(self, backbone: Any, chosen: list[str], device: str) -> dict[str, Drawn]:
        """What each word draws, least first."""
        import torch

        from staytrue.encoders.judges import clip_judge
        from staytrue.generate.sampling import draw

        plain = with_article(self.class_noun)
        asked = {"": plain} | {word: with_article(f"{word} {self.class_noun}", word) for word in chosen}
        requests = [Request(text, seed) for text in asked.values() for seed in range(self.pictures)]
        images: list[Image.Image] = list(draw(backbone.load(device), requests, self.sampling))
        clip = clip_judge(self.checkpoint, backbone.facts(), "identifiers.checkpoint").load(device)
        rows = clip.images(images).view(len(asked), self.pictures, -1)
        bare, text = rows[0], clip.texts([plain])[0]
        between = 1 - bare @ bare.T
        spread = float(between[~torch.eye(self.pictures, dtype=torch.bool)].mean())
        moved = (1 - (rows * bare).sum(-1)).mean(-1).tolist()
        fits = (rows @ text).mean(-1).tolist()
        found = {w: Drawn(m / max(spread, 1e-6), fits[0] - f) for w, m, f in zip(asked, moved, fits, strict=True) if w}
        return dict(sorted(found.items(), key=lambda item: item[1].own))


class Settings(BaseModel):
    """What follows `staytrue list identifiers`: ``backbone.field=value`` and ``identifiers.field=value``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: BACKBONES.union() = Field(default_factory=BACKBONES.get("sd"))  # type: ignore[valid-type]
    identifiers: Identifiers = Field(default_factory=Identifiers)


@dataclass(frozen=True)
class Drawn:
    """What a word draws of its own.

    Attributes:
        own: how far it moves the picture, in units of what another seed does.
        loss: how much less the picture fits "a [noun]".
    """

    own: float
    loss: float


def rare_words(words: ClipWords) -> Iterator[str]:
    """One-token words without a meaning that can be told, the rarest first."""
    every = words.whole_words()
    known = frozenset(every)
    return (word for word in every if not offends(word) and not means_something(word, known))


def spelled(word: str, words: ClipWords) -> str:
    """The word's tokens, in words."""
    tokens = words.spell(word)
    if words.is_one_token(word.lower()):
        return f"one token, {words.ids[word.lower() + END_OF_WORD]} of {len(words.ids)}"
    return f"{len(tokens)} tokens: {' '.join(t.removesuffix(END_OF_WORD) for t in tokens)}"
