"""``minibench-two``: pairs of subjects and prompts that name both. The suite and its scores; ``pairs.py`` runs it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from staytrue.bench.metrics import both_found, mean_cosine, paired_cosine
from staytrue.bench.settings import Bench
from staytrue.bench.subjects import Member, Split, members
from staytrue.bench.suites import bench_of
from staytrue.errors import ConfigError
from staytrue.generate.prompts import OTHER, SLOT, Prompt, fill
from staytrue.images.load import load_folder
from staytrue.types import Subject

if TYPE_CHECKING:
    from PIL import Image

    from staytrue.bench.judge import Judges

COLUMNS = ("prompt", "number", "both_found", "identity_heldout", "clip_t_object")
# of a half's window, as a share of the side; the windows of the halves overlap a little, as subjects do
WINDOW, HEIGHTS = 0.5625, (0.0, 0.5, 1.0)


class PairArm(BaseModel):
    """One way to learn two subjects.

    Attributes:
        label: how tables call it.
        recipe: its name.
        set: ``section.field=value`` over the recipe.
        apart: whether each subject is learned alone, and their LoRAs are drawn with together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    recipe: str
    set: tuple[str, ...] = ()
    apart: bool = False


@dataclass(frozen=True)
class Pair:
    """Two subjects, each under an identifier of its own.

    Attributes:
        first: the one of ``{first}``.
        second: the one of ``{second}``.
        split: "tuning" or "reporting".
        design: what intervals draw: pairs that show a drawing of the same hand have the same.
    """

    first: Member
    second: Member
    split: Split
    design: str

    @property
    def name(self) -> str:
        return f"{self.first.name}+{self.second.name}"

    @property
    def members(self) -> tuple[Member, Member]:
        return self.first, self.second

    @property
    def subjects(self) -> tuple[Subject, Subject]:
        return self.first.subject, self.second.subject


class TwoSuite(BaseModel):
    """A suite of two-subject prompts.

    Attributes:
        name: of its results.
        asks: the question.
        cpu_minutes: estimate, in minutes of one core.
        identifiers: of the first and of the second subject.
        prompts: with ``{first}`` and ``{second}``.
        tuning: pairs of names of subjects, for choosing.
        reporting: pairs for reporting.
        arms: what is compared.
        bench: settings of ``Bench``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    asks: str
    cpu_minutes: float = Field(gt=0)
    identifiers: tuple[str, str]
    prompts: tuple[str, ...] = Field(min_length=1)
    tuning: tuple[tuple[str, str], ...] = Field(min_length=1)
    reporting: tuple[tuple[str, str], ...] = Field(min_length=1)
    arms: tuple[PairArm, ...] = Field(min_length=1)
    bench: dict[str, Any] = {}

    @model_validator(mode="after")
    def _apart(self) -> TwoSuite:
        names = [name for pair in (*self.tuning, *self.reporting) for name in pair]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"a subject is in one pair only, so that pairs do not share a training; twice: {', '.join(twice)}"
            )
        return self

    def pairs(self) -> list[Pair]:
        """All of them. Raises ``KeyError`` of a subject that is not bundled."""
        known = {m.name: m for m in members()}
        splits: tuple[tuple[Split, Any], ...] = (("tuning", self.tuning), ("reporting", self.reporting))
        named = [(split, known[first], known[second]) for split, pairs in splits for first, second in pairs]
        designs = joined([{first.design, second.design} for _, first, second in named])
        return [
            Pair(_called(first, self.identifiers[0]), _called(second, self.identifiers[1]), split, design)
            for (split, first, second), design in zip(named, designs, strict=True)
        ]

    def chosen(self, which: str) -> list[Pair]:
        """The pairs named by "tuning", "reporting", "all", or as "dog6+cat2,can+dog3". Raises ``ConfigError``."""
        every = self.pairs()
        if which in ("tuning", "reporting", "all"):
            return [p for p in every if which in ("all", p.split)]
        known = {p.name: p for p in every}
        names = [name.strip() for name in which.split(",") if name.strip()]
        if not names or set(names) - known.keys():
            raise ConfigError(
                f"--subjects: {which!r} names no pairs; there are tuning, reporting, all, or: {', '.join(known)}"
            )
        return [known[name] for name in names]

    def asked(self, pair: Pair, bench: Bench) -> list[Prompt]:
        """The prompts for one pair."""
        templates = [p.replace("{first}", f"a {SLOT}").replace("{second}", f"a {OTHER}") for p in self.prompts]
        return [fill(template, *pair.subjects) for template in templates[: bench.prompts]]


def joined(sets: Sequence[set[str]]) -> list[str]:
    """A name for each set; sets that share an element, directly or through others, have the same."""
    groups: list[set[str]] = []
    for mine in sets:
        touching = [group for group in groups if group & mine]
        groups = [group for group in groups if not group & mine] + [mine.union(*touching)]
    return [next("+".join(sorted(group)) for group in groups if group & mine) for mine in sets]


def _called(member: Member, identifier: str) -> Member:
    return replace(member, subject=member.subject.model_copy(update={"identifier": identifier}))


def read_two(path: Path) -> TwoSuite:
    """A file of pairs. Raises ``ConfigError`` naming what is wrong with it."""
    try:
        suite = TwoSuite.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        suite.pairs()
        bench_of(suite.bench)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{path} is not a suite of pairs: {error}") from None
    except KeyError as error:
        raise ConfigError(f"{path}: no bundled subject is called {error}") from None
    return suite


def judged_pair(
    judges: Judges, pair: Pair, asked: Sequence[Prompt], pictures: Sequence[Sequence[Image.Image]]
) -> list[list[float]]:
    """Rows under ``COLUMNS``; ``identity_heldout`` is the mean of both subjects', as Custom Diffusion measures it."""
    first, second = (_rows(judges.dino, [p.image for p in load_folder(s.heldout)]) for s in pair.subjects if s.heldout)
    rows: list[list[float]] = []
    for place, (prompt, drawn) in enumerate(zip(asked, pictures, strict=True)):
        found = [both_found(*_halves(judges.dino, picture), first, second) for picture in drawn]
        whole, looked = _rows(judges.dino, drawn), _rows(judges.clip, drawn)
        identity = (mean_cosine(whole, first) + mean_cosine(whole, second)) / 2
        text = judges.clip.texts([prompt.plain]).numpy().astype(np.float64)
        truth = paired_cosine(looked, np.repeat(text, len(looked), axis=0))
        rows += [[place, number, *row] for number, row in enumerate(zip(found, identity, truth, strict=True))]
    return rows


def _halves(dino: Any, picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    return _rows(dino, windows(picture, "left")), _rows(dino, windows(picture, "right"))


def windows(picture: Image.Image, side: str) -> list[Image.Image]:
    """Squares of one half, at three heights, brought back to the picture's size, as a judge expects it."""
    width = round(picture.width * WINDOW)
    x = 0 if side == "left" else picture.width - width
    tops = [round((picture.height - width) * share) for share in HEIGHTS]
    return [picture.crop((x, y, x + width, y + width)).resize(picture.size) for y in tops]


def _rows(encoder: Any, images: Sequence[Image.Image]) -> np.ndarray:
    return encoder.images(list(images)).numpy().astype(np.float64)
