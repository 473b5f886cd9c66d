"""``minibench-two``: pairs of subjects and prompts that name both. The suite and its score."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from staytrue.bench.metrics import both_found
from staytrue.bench.subjects import members
from staytrue.errors import ConfigError
from staytrue.grammar import with_article
from staytrue.images.load import load_folder
from staytrue.types import Subject

if TYPE_CHECKING:
    from PIL import Image

Pair = tuple[Subject, Subject]
# of a half's window, as a share of the side; the windows of the halves overlap a little, as subjects do
WINDOW, HEIGHTS = 0.5625, (0.0, 0.5, 1.0)


class TwoSuite(BaseModel):
    """A suite of two-subject prompts.

    Attributes:
        name: of its results.
        asks: the question.
        identifiers: of the first and of the second subject.
        images_per_prompt: pictures of each prompt.
        prompts: with ``{first}`` and ``{second}``.
        pairs: names of subjects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    asks: str
    identifiers: tuple[str, str]
    images_per_prompt: int = Field(default=4, ge=1)
    prompts: tuple[str, ...] = Field(min_length=1)
    pairs: tuple[tuple[str, str], ...] = Field(min_length=1)

    def subjects(self) -> list[Pair]:
        """The pairs, each subject under its own identifier."""
        known = {m.name: m.subject for m in members()}
        return [
            tuple(known[n].model_copy(update={"identifier": i}) for n, i in zip(pair, self.identifiers, strict=True))  # type: ignore[misc]
            for pair in self.pairs
        ]

    def texts(self, pair: Pair) -> list[str]:
        """The prompts for one pair."""
        first, second = (with_article(s.phrase, s.identifier) for s in pair)
        return [p.replace("{first}", first).replace("{second}", second) for p in self.prompts]


def read_two(path: Path) -> TwoSuite:
    """A file of pairs. Raises ``ConfigError`` naming what is wrong with it."""
    try:
        suite = TwoSuite.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        suite.subjects()
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{path} is not a suite of pairs: {error}") from None
    except KeyError as error:
        raise ConfigError(f"{path}: no bundled subject is called {error}") from None
    return suite


def score_pair(dino: Any, pair: Pair, pictures: Sequence[Image.Image]) -> list[float]:
    """``both_found`` of each picture; ``dino`` is the instance judge in memory."""
    first, second = (_rows(dino, [p.image for p in load_folder(s.heldout)]) for s in pair if s.heldout)
    scores = []
    for picture in pictures:
        left, right = (_rows(dino, windows(picture, side)) for side in ("left", "right"))
        scores.append(both_found(left, right, first, second))
    return scores


def windows(picture: Image.Image, side: str) -> list[Image.Image]:
    """Squares of one half, at three heights, brought back to the picture's size, as a judge expects it."""
    width = round(picture.width * WINDOW)
    x = 0 if side == "left" else picture.width - width
    tops = [round((picture.height - width) * share) for share in HEIGHTS]
    return [picture.crop((x, y, x + width, y + width)).resize(picture.size) for y in tops]


def _rows(dino: Any, images: Sequence[Image.Image]) -> np.ndarray:
    return dino.images(list(images)).numpy().astype(np.float64)
