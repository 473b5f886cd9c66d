"""The nouns that every stage shares. No torch here: these are what is passed, not how it is computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, model_validator

from staytrue.grammar import names_a_person, names_something_living, with_article, word

Role = Literal["subject", "class"]
Pooling = Literal["eos", "released"]
Slot = Literal["style", "adjectives", "details"]


class Subject(BaseModel):
    """One subject to personalize. A run has a list of them from the start.

    Attributes:
        name: folder-safe name, such as "my-dog".
        photos: folder with the photos to learn from.
        class_noun: the specific class noun, such as "teddy bear".
        class_noun_vague: the broad one, such as "toy"; None means the same as ``class_noun``.
        identifier: the rare token written directly before the class noun.
        living: whether motions and moods apply to it; None means: look the nouns up.
        heldout: folder with photos never trained on, to judge against; None where there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    photos: Path
    class_noun: str
    class_noun_vague: str | None = None
    identifier: str = "olis"
    living: bool | None = None
    heldout: Path | None = None

    @model_validator(mode="after")
    def _can_be_named(self) -> Subject:
        noun, identifier = self.class_noun.lower().split(), self.identifier.lower().split()
        if not noun or not identifier:
            raise ValueError("class_noun and identifier must be words")
        if noun[0] in ("a", "an", "the"):
            raise ValueError(
                f"class_noun is said with an article by itself: {' '.join(noun[1:])!r}, not {self.class_noun!r}"
            )
        if set(identifier) & set(noun):
            raise ValueError(
                f"identifier: {self.identifier!r} is a word of the class noun {self.class_noun!r}, which it must differ from"
            )
        return self

    @property
    def phrase(self) -> str:
        """What names the subject in a caption or prompt: "olis dog"."""
        return f"{self.identifier} {self.class_noun}"

    @property
    def word(self) -> str:
        """The identifier as CLIP reads it: capitals and further blanks make no difference."""
        return " ".join(self.identifier.lower().split())


@dataclass(frozen=True)
class Caption:
    """What a training image shows, in slots that render to text: a string cannot drop an adjective.

    Attributes:
        noun: the class noun.
        style: such as "a photo of", "a painting of"; empty for none.
        identifier: the rare token, directly before the noun; empty for class images.
        adjectives: in order, such as ("tall", "red", "striped").
        details: what follows the noun: accessory, second object or motion, such as "wearing a top hat".
        background: such as "on the beach".
        text: a finished sentence that overrides the slots (a caption written by hand); may contain ``{phrase}``.
        suffix: what follows everything, a finished sentence too, such as "without noisy pattern" or ", noisy pattern".
    """

    noun: str
    style: str = ""
    identifier: str = ""
    adjectives: tuple[str, ...] = ()
    details: str = ""
    background: str = ""
    text: str = ""
    suffix: str = ""

    def render(self) -> str:
        """The caption as a sentence: "[style] a [adjectives] [identifier] [noun] [details] [background] [suffix]"."""
        phrase = " ".join(filter(None, (self.identifier, self.noun)))
        if self.text:
            return with_suffix(self.text.replace("{phrase}", phrase), self.suffix)
        words = with_article(" ".join((*self.adjectives, phrase)), self.identifier)
        said = " ".join(filter(None, (self.style, words, self.details, self.background)))
        return with_suffix(said, self.suffix)

    def without_adjectives(self, kept: tuple[bool, ...]) -> Caption:
        """The same caption with only the adjectives whose flag in ``kept`` is true."""
        return replace(self, adjectives=tuple(a for a, keep in zip(self.adjectives, kept, strict=True) if keep))

    def without_identifier(self, identifier: str) -> Caption:
        """The frequent counterpart: the same scene with the class noun alone where the rare token names the subject."""
        return replace(self, identifier="", text=_frequent(self.text, identifier, self.noun))

    def without(self, others: Sequence[Subject]) -> Caption:
        """The same with the class nouns alone where further subjects are named by the way, as in "with a sks cat"."""
        details, background, text = (_without(words, others) for words in (self.details, self.background, self.text))
        return replace(self, details=details, background=background, text=text)

    def with_identifier(self, identifier: str) -> Caption:
        """The rare counterpart of a class image's caption; one written by hand that lacks the noun stays as it is."""
        return replace(self, identifier=identifier, text=self._named(f"{identifier} {self.noun}", count=1))

    def with_noun(self, noun: str) -> Caption:
        """The same scene with another thing in it; one written by hand that lacks the noun stays as it is."""
        return replace(self, noun=noun, text=self._named(noun, count=0))

    def says(self, slot: Slot) -> bool:
        """Whether there are words in a slot; a finished sentence has no slots."""
        return not self.text and bool(getattr(self, slot))

    def _named(self, phrase: str, count: int) -> str:
        """The finished sentence with the noun replaced, ``count`` times or, for 0, always."""
        return re.sub(word(self.noun).pattern, lambda _: phrase, self.text, count=count)


def _without(words: str, subjects: Iterable[Subject]) -> str:
    """The words with class nouns in place of subjects."""
    for one in subjects:
        words = _frequent(words, one.identifier, one.class_noun)
    return words


def _frequent(words: str, identifier: str, noun: str) -> str:
    """The words with the class noun alone where the rare token stands, in large or small letters, before the noun or without."""
    rare = rf"{word(identifier).pattern}(?:\s+{word(noun).pattern})?"
    return re.sub(rare, lambda _: noun, words, flags=re.IGNORECASE)


def with_suffix(text: str, suffix: str) -> str:
    """The text with the suffix after it; a space between, unless the suffix begins with a comma."""
    return f"{text}{suffix}" if not suffix or suffix.startswith(",") else f"{text} {suffix}"


def lives(subject: Subject) -> bool:
    """Whether motions and clothes suit the subject: as it says itself, else as the lexicon says of its nouns."""
    if subject.living is not None:
        return subject.living
    return names_something_living(subject.class_noun, subject.class_noun_vague or "")


def is_person(subject: Subject) -> bool:
    """Whether its nouns name a human being, whose body and skin have words of their own."""
    return names_a_person(subject.class_noun, subject.class_noun_vague or "")


@dataclass(frozen=True)
class Sample:
    """One training image: rows with another role are all that regularization is.

    Attributes:
        image: the picture's file.
        caption: what it shows.
        subject: name of the subject it shows, or for whose class it was made.
        role: "subject" or "class".
        weight: multiplies this row's loss.
        latent: the scaled latent that the model being trained decoded the picture from, where it is kept.
        noise: how far random noise moves every value of what is trained on, in levels of 255.
    """

    image: Path
    caption: Caption
    subject: str
    role: Role = "subject"
    weight: float = 1.0
    latent: Path | None = None
    noise: int = 0


@dataclass(frozen=True)
class Frame:
    """Which part of its picture a training square is: what SDXL calls micro-conditioning, for backbones that take it.

    All in pixels of the picture enlarged (or reduced) until the square has the side that is trained on.

    Attributes:
        original_px: (width, height) of the whole picture.
        top_left_px: (left, top) of the square in it.
        size_px: side of the square.
    """

    original_px: tuple[int, int]
    top_left_px: tuple[int, int]
    size_px: int


@dataclass(frozen=True)
class Picture:
    """One generated picture, as a row of ``5-images/images.jsonl``.

    Attributes:
        file: path relative to the folder ``5-images``.
        subject: name of the subject.
        prompt: the text given to the model.
        prompt_plain: the prompt with the identifier taken out, for text scores.
        seed: of this one picture.
        model: "personalized", or "base" for the untrained model beside it.
        others: names of further subjects in the same picture.
    """

    file: str
    subject: str
    prompt: str
    prompt_plain: str
    seed: int
    model: Literal["personalized", "base"] = "personalized"
    others: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, str]:
        """Equal for pictures of one prompt, the base model's too. Its words alone do not tell "a olis dog" from "a dog"."""
        number = Path(self.file).name.partition("-")[0]
        return number if number.isdigit() else "", self.prompt_plain

    @property
    def subjects(self) -> tuple[str, ...]:
        """All subjects it shows."""
        return (self.subject, *self.others)


@dataclass(frozen=True)
class Score:
    """One number of one metric for one picture, as a row of ``6-scores/scores.jsonl``.

    Attributes:
        metric: name of the metric, such as "dino".
        value: the score.
        file: the picture, relative to ``5-images``.
        against: "trained", "heldout" (photos), "prompt", or "vague": the prompt with the broad class noun.
        judge: checkpoint, transform and pooling behind the number, in words.
        subject: whose photos it was compared with; empty for a prompt.
    """

    metric: str
    value: float
    file: str
    against: str
    judge: str
    subject: str = ""


@dataclass(frozen=True)
class Facts:
    """What a backbone is, known from its files alone, without loading weights.

    Attributes:
        family: such as "sd".
        title: for people: "Staytrue miniature (64 px)".
        resolution_px: side of the square pictures it draws best.
        latent_shape: (channels, height, width) of one latent.
        prediction: what the network predicts.
        is_miniature: whether this is the embedded stand-in.
        vocabulary: every word it knows, or None when it has no list of its own.
        words: word pools of its own by name (colors, backgrounds ...), empty for general models.
    """

    family: str
    title: str
    resolution_px: int
    latent_shape: tuple[int, int, int]
    prediction: Literal["epsilon", "v_prediction", "flow"]
    is_miniature: bool = False
    vocabulary: frozenset[str] | None = None
    words: dict[str, Any] = field(default_factory=dict)

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Words of the texts that the vocabulary lacks, in order; none where there is no list."""
        if self.vocabulary is None:
            return []
        words = (word.strip(".,;:!?\"'()").lower() for text in texts for word in text.split())
        return [word for word in dict.fromkeys(words) if word and word not in self.vocabulary]


@runtime_checkable
class Worded(Protocol):
    """A component whose settings hold words that the model will read."""

    def texts(self) -> list[str]:
        """These words."""
        ...
