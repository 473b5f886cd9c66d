"""Suite files: what to compare, as data. Every experiment of ``benchmarks/suites`` is one, and so one command."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from staytrue.bench.arms import Arm, RedTeam
from staytrue.bench.settings import Bench
from staytrue.errors import ConfigError
from staytrue.runs import fingerprint, read_json

MAIN = "minibench"
LONGEST = 150


class Suite(BaseModel):
    """An experiment.

    Attributes:
        name: of its folder of results.
        asks: the question, in a sentence.
        cpu_minutes: estimate, in minutes of one core.
        subjects: as ``--subjects``.
        bench: settings of ``Bench``.
        arms: what is compared.
        grid: setting -> values; every arm is run at every combination, unless it says otherwise. "photos" is a key, too.
        x: the key of the grid that figures have along the bottom; "seconds" for the mean time of training.
        chosen: files of searches (``chosen.json``), from whose settings the arms of the same labels start, and those ``of`` them.
        choose: whether this is such a search.
        set: ``section.field=value`` over every arm.
        redteam: protections and defenses, whose every pair is a further arm.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = MAIN
    asks: str = ""
    cpu_minutes: float | None = Field(default=None, gt=0)
    subjects: str = "tuning"
    bench: dict[str, Any] = {}
    arms: tuple[Arm, ...] = ()
    grid: dict[str, tuple[Any, ...]] = {}
    x: str | None = None
    chosen: tuple[Path, ...] = ()
    choose: bool = False
    set: tuple[str, ...] = ()
    redteam: RedTeam | None = None

    @model_validator(mode="after")
    def _some(self) -> Suite:
        if not self.compared:
            raise ValueError("arms: none, so there is nothing to compare")
        if strange := {arm.of for arm in self.arms if arm.of} - {arm.label for arm in self.arms}:
            raise ValueError(f"of: no arm is called {', '.join(sorted(strange))}")
        return self

    @property
    def compared(self) -> tuple[Arm, ...]:
        """The arms, those of the red team's grid included."""
        return (*self.arms, *(self.redteam.arms() if self.redteam else ()))


@dataclass(frozen=True)
class Variant:
    """One arm at one point of the grid.

    Attributes:
        label: names its file of results.
        arm: whose it is.
        at: the point of the grid.
        assignments: ``section.field=value`` over the recipe, later ones over earlier ones.
    """

    label: str
    arm: Arm
    at: dict[str, Any] = field(default_factory=dict)
    assignments: tuple[str, ...] = ()


def read_suite(path: Path) -> Suite:
    """A suite file. Raises ``ConfigError`` naming what is wrong with it."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"bench.suite: no file {path}; the suites are in benchmarks/suites") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    if "chosen" in values:
        values["chosen"] = [path.parent / name for name in values["chosen"]]
    try:
        suite = Suite.model_validate(values)
    except ValidationError as error:
        problems = [f"{path}: {'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors()]
        raise ConfigError("\n".join(problems)) from None
    bench_of(suite.bench)
    labels = [v.label for v in variants(suite)]
    if repeated := {label for label in labels if labels.count(label) > 1}:
        raise ConfigError(f"{path}: two variants are called {', '.join(sorted(repeated))}")
    return suite


def variants(suite: Suite, above: tuple[str, ...] = ()) -> list[Variant]:
    """Every arm at every point of the grid; ``above`` are assignments over all others."""
    chosen = _chosen(suite)
    points = [dict(zip(suite.grid, values, strict=True)) for values in itertools.product(*suite.grid.values())]
    found = []
    for arm in suite.compared:
        for at in points if arm.grid else [{}]:
            told = [f"{key}={json.dumps(value)}" for key, value in at.items() if key != "photos"]
            placed = arm.model_copy(update={"photos": at["photos"]}) if "photos" in at else arm
            label = " ".join([arm.label, *(f"{key.rpartition('.')[2]}={value}" for key, value in at.items())])
            assignments = (*chosen.get(arm.of or arm.label, ()), *suite.set, *arm.set, *told, *above)
            found.append(Variant(label, placed, at, assignments))
    return found


def bench_of(values: dict[str, Any]) -> Bench:
    """Checked settings of ``Bench``. Raises ``ConfigError``."""
    try:
        return TypeAdapter(Bench).validate_python(values)
    except ValidationError as error:
        fields = ", ".join(Bench.__dataclass_fields__)
        problems = [
            f"bench.{'.'.join(map(str, p['loc']))}: {p['msg']}, got {p['input']!r}; settings: {fields}"
            for p in error.errors()
        ]
        raise ConfigError("\n".join(dict.fromkeys(problems))) from None


def file_name(label: str) -> str:
    """A label as the stem of a file, as long as file systems and our temporary names allow."""
    name = re.sub(r"[^\w.=+-]+", "_", label)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 13]}-{fingerprint(label)[:12]}"


def _chosen(suite: Suite) -> dict[str, tuple[str, ...]]:
    """What searches chose for each arm."""
    rows = [row for file in suite.chosen if file.is_file() for row in read_json(file).items()]
    return {label: tuple(row["set"]) for label, row in rows}


def require_chosen(suite: Suite) -> None:
    """Raises ``ConfigError`` where a suite starts from a search that has not been made."""
    if missing := [file for file in suite.chosen if not file.is_file()]:
        searches = ", ".join(file.parent.name for file in missing)
        raise ConfigError(
            f"{suite.name} starts from what {searches} chose, and that has not been run: first `staytrue bench minibench "
            f"bench.suite=benchmarks/suites/{missing[0].parent.name}.toml`, then `staytrue bench table` with the same suite"
        )
