"""What ``staytrue demo`` runs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from staytrue.backbones import SD
from staytrue.config import RunConfig
from staytrue.recipes.staytrue import staytrue
from staytrue.runs import read_jsonl
from staytrue.types import Subject

SUBJECT = "can"


def demo() -> RunConfig:
    """The default recipe on a bundled can, a drawing that nothing in this package was trained on.

    It is of the split for tuning, and chosen since it comes out well; `staytrue bench minibench` says how others do.
    """
    return staytrue(SD()).model_copy(update={"subjects": (bundled_subject(SUBJECT),)})


def bundled_subject(name: str) -> Subject:
    """A subject of MiniBench, with photos to train on and others to judge by."""
    home = Path(str(files("staytrue") / "assets" / "minibench"))
    row = next(row for row in read_jsonl(home / "subjects.jsonl") if row["name"] == name)
    nouns = {key: row[key] for key in ("class_noun", "class_noun_vague", "living")}
    return Subject(name=name, photos=home / name / "train", heldout=home / name / "heldout", **nouns)
