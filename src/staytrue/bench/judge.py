"""From pictures to rows of numbers: which embeddings go into which metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from staytrue.bench import metrics
from staytrue.bench.asked_for import asked_for
from staytrue.bench.prompts import Asked, suite_words
from staytrue.bench.subjects import rivals
from staytrue.encoders.world import require_drawn, require_size
from staytrue.images.load import load_folder
from staytrue.types import Subject

if TYPE_CHECKING:
    from numpy import ndarray
    from PIL import Image

COLUMNS = (
    "prompt",
    "number",
    "identity_heldout",
    "identity_train",
    "recall_at_1",
    "clip_i_heldout",
    "clip_t_object",
    "clip_t_vague",
    "composition",
    "class_found",
    "diversity",
    "identity_asked",
    "conditions",
)


@dataclass(frozen=True)
class Judges:
    """Two encoders in memory, and whether they refuse what is not of the miniature's world."""

    clip: Any
    dino: Any
    only_drawn: bool = False


@dataclass(frozen=True)
class Drawn:
    """The pictures of one run.

    Attributes:
        asked: the prompts.
        pictures: of each prompt.
        of_class: (tuned, base) for each picture of a prompt that names the class only.
        of_others: the same for prompts of other classes.
    """

    asked: Sequence[Asked]
    pictures: Sequence[Sequence[Image.Image]]
    of_class: Sequence[tuple[Image.Image, Image.Image]]
    of_others: Sequence[tuple[Image.Image, Image.Image]]


def judged(judges: Judges, subject: Subject, drawn: Drawn) -> dict[str, Any]:
    """Every score of every picture, as rows under ``COLUMNS``, and those of the class and of other classes beside the base's."""
    trained, heldout = photos_in(subject.photos), photos_in(subject.heldout)
    others = [photos_in(other.heldout) for other in rivals(subject)]
    if judges.only_drawn:
        require_drawn(trained)
        require_size([picture for pictures in drawn.pictures for picture in pictures])
    own = {"trained": _rows(judges.dino, trained), "heldout": _rows(judges.dino, heldout)}
    own |= {"clip": _rows(judges.clip, heldout)}
    against = [_rows(judges.dino, photos) for photos in others]
    images: list[list[float]] = []
    for place, (asked, pictures) in enumerate(zip(drawn.asked, drawn.pictures, strict=True)):
        columns = _of_prompt(judges, subject, asked, pictures, own, against)
        images += [[place, number, *row] for number, row in enumerate(zip(*columns, strict=True))]
    scores: dict[str, Any] = {"columns": list(COLUMNS), "images": images, "class_leakage": [], "drift": []}
    if drawn.of_class:
        tuned, base = (_rows(judges.dino, [pair[i] for pair in drawn.of_class]) for i in (0, 1))
        scores["class_leakage"] = metrics.class_leakage(tuned, base, own["heldout"]).tolist()
    if drawn.of_others:
        moved, stayed = (_rows(judges.clip, [pair[i] for pair in drawn.of_others]) for i in (0, 1))
        scores["drift"] = metrics.drift(moved, stayed).tolist()
    return scores


def composition(
    clip: Any, subject: Subject, asked: Asked, pictures: ndarray
) -> tuple[ndarray, ndarray, ndarray]:  # each picture: everything found, class found, all conditions found
    """Whether CLIP finds each condition asked for, and the class, each among its alternatives."""
    words = suite_words()
    truth = clip.texts([asked.prompt(subject).plain]).numpy()[0]
    nouns = [noun for noun in words["nouns"] if noun != subject.class_noun]
    named = [asked.prompt(subject.model_copy(update={"class_noun": noun})).plain for noun in nouns]
    of_class = metrics.found(pictures, truth, clip.texts(named).numpy())
    conditions = np.ones_like(of_class)
    for slot in asked.conditions:
        instead = [asked.prompt(subject, **{slot: other}).plain for other in asked.alternatives(slot, words)]
        conditions *= metrics.found(pictures, truth, clip.texts(instead).numpy())
    return of_class * conditions, of_class, conditions


def _of_prompt(
    judges: Judges, subject: Subject, asked: Asked, pictures: Sequence[Any], own: dict[str, Any], against: list[Any]
) -> list[ndarray]:
    """The columns of one prompt, from identity_heldout on."""
    seen, looked = _rows(judges.dino, pictures), _rows(judges.clip, pictures)
    vague = subject.model_copy(update={"class_noun": subject.class_noun_vague or subject.class_noun})
    texts = judges.clip.texts([asked.prompt(subject).plain, asked.prompt(vague).plain]).numpy().astype(np.float64)
    everything, of_class, conditions = composition(judges.clip, subject, asked, looked)
    ideal = asked_for(subject.name, asked.conditions, judges.dino.sha256)
    return [
        metrics.mean_cosine(seen, own["heldout"]),
        metrics.mean_cosine(seen, own["trained"]),
        metrics.recall_at_1(seen, own["heldout"], against),
        metrics.mean_cosine(looked, own["clip"]),
        metrics.paired_cosine(looked, np.repeat(texts[:1], len(looked), axis=0)),
        metrics.paired_cosine(looked, np.repeat(texts[1:], len(looked), axis=0)),
        everything,
        of_class,
        metrics.diversity(looked),
        np.full(len(seen), np.nan) if ideal is None else metrics.mean_cosine(seen, ideal),
        conditions if asked.conditions else np.full(len(seen), np.nan),
    ]


def _rows(encoder: Any, images: Sequence[Any]) -> ndarray:
    return encoder.images(list(images)).numpy().astype(np.float64)


def photos_in(folder: Any) -> list[Image.Image]:
    """The pictures of a folder of photos."""
    return [photo.image for photo in load_folder(folder)]
