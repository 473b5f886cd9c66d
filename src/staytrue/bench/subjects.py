"""The bundled subjects: 10 for choosing settings, 20 for reporting, and who may be mistaken for whom."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from staytrue.errors import ConfigError
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import read_jsonl, write_bytes, write_jsonl
from staytrue.types import Subject

HOME = Path(str(files("staytrue") / "assets" / "minibench"))
Split = Literal["tuning", "reporting"]
QUICK = ("can", "robot_toy", "cat2", "dog6")


@dataclass(frozen=True)
class Member:
    """A subject of MiniBench.

    Attributes:
        subject: its name, photos, held-out photos and nouns.
        split: "tuning" or "reporting".
        design: whose drawing it is; two subjects of one design are not independent, so intervals draw designs.
    """

    subject: Subject
    split: Split
    design: str

    @property
    def name(self) -> str:
        return self.subject.name


@cache
def members() -> tuple[Member, ...]:
    """All 30, in the order of ``subjects.jsonl``."""
    rows = read_jsonl(HOME / "subjects.jsonl")
    return tuple(Member(bundled_subject(row["name"]), row["split"], _emoji(row["design"])) for row in rows)


def _emoji(design: str) -> str:
    """Noto's and Noto v1's drawings of one emoji count as one design, to be safe."""
    return design.replace("noto-v1-", "noto-")


def chosen(which: str) -> tuple[Member, ...]:
    """The members named by "tuning", "reporting", "all", or by their names, separated by commas.

    Raises:
        ConfigError: there is no such subject.
    """
    if which == "all":
        return members()
    if which in ("tuning", "reporting"):
        return tuple(m for m in members() if m.split == which)
    known = {m.name: m for m in members()}
    names = [name.strip() for name in which.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            f"--subjects: no subject named {', '.join(unknown)}; there are tuning, reporting, all, or: {', '.join(known)}"
        )
    if not names:
        raise ConfigError("--subjects: none is named; say tuning, reporting, all, or names separated by commas")
    return tuple(known[name] for name in dict.fromkeys(names))


def rivals(subject: Subject) -> tuple[Subject, ...]:
    """The subjects that a picture of this one could be mistaken for.

    Those of its class noun; where it is alone, those of its broad class noun; none where it is alone there, too.
    """
    others = [m.subject for m in members() if m.name != subject.name]
    same = tuple(o for o in others if o.class_noun == subject.class_noun)
    return same or tuple(o for o in others if o.class_noun_vague == subject.class_noun_vague)


def with_photos(subject: Subject, count: int | None, home: Path) -> Subject:
    """The subject with only its first ``count`` photos, copied with their captions; itself where ``count`` is None.

    Raises:
        ConfigError: it does not have so many, or something else lies where they would.
    """
    if count is None:
        return subject
    rows = read_jsonl(subject.photos / "metadata.jsonl")
    if not 1 <= count <= len(rows):
        raise ConfigError(f"photos = {count}: {subject.name} has {len(rows)}")
    folder = home / f"{subject.name}-{count}"
    if not (folder / "metadata.jsonl").is_file():
        _copy(subject.photos, rows[:count], folder)
    return subject.model_copy(update={"photos": folder})


def _copy(photos: Path, rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Under another name, then renamed: a process beside this one finds all of them or none, and may have been faster."""
    made = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(made, ignore_errors=True)
    for row in rows:
        write_bytes(made / row["file_name"], (photos / row["file_name"]).read_bytes())
    write_jsonl(made / "metadata.jsonl", rows)
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made)
        if not (folder / "metadata.jsonl").is_file():
            raise ConfigError(f"{folder} is no whole set of photos, and is in the way of one; delete it") from None
