"""From measures to a plain verdict with its reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from staytrue.errors import ConfigError
from staytrue.grammar import with_article
from staytrue.purify.inspection.measures import PERTURBATION, SAYS

Word = Literal["fine", "poor", "suspect"]


@dataclass(frozen=True)
class Limit:
    """What is ordinary for one measure.

    Attributes:
        typical: of ordinary photos (their median).
        limit: beyond it, on the side away from ``typical``, a photo is flagged.
    """

    typical: float
    limit: float

    def excess(self, value: float) -> float:
        """0 at what is typical, 1 at the limit, more beyond."""
        return (value - self.typical) / (self.limit - self.typical)


@dataclass(frozen=True)
class Verdict:
    """What the inspection says of a photo.

    Attributes:
        word: "fine"; "poor", a photo of low quality, such as a noisy one; or "suspect", one that looks protected.
        reasons: why, the worst first; empty where it is fine.
        suspicion: the largest excess of the measures of perturbation: flagged from 1 on.
        flagged: the measures beyond their limits, in the order of the reasons.
    """

    word: Word
    reasons: tuple[str, ...] = ()
    suspicion: float = 0.0
    flagged: tuple[str, ...] = ()


def judge(row: dict[str, float], limits: dict[str, Limit], class_noun: str, twin: str | None = None) -> Verdict:
    """The verdict on one photo.

    Args:
        row: its measures.
        limits: by measure; measures without one are shown and never decide.
        class_noun: of the subject.
        twin: name of the photo most like it.
    """
    excess = {name: limits[name].excess(value) for name, value in row.items() if name in limits}
    beyond = sorted((name for name, e in excess.items() if e >= 1), key=lambda name: -excess[name])
    suspicion = max((excess[name] for name in PERTURBATION if name in excess), default=0.0)
    reasons = tuple(_said(name, row[name], limits[name], class_noun, twin) for name in beyond)
    word: Word = "suspect" if set(beyond) & set(PERTURBATION) else "poor" if beyond else "fine"
    return Verdict(word, reasons, suspicion, tuple(beyond))


def read_limits(path: Path | None, is_miniature: bool) -> dict[str, Limit]:
    """The limits for this kind of backbone, from the built-in file or another. Raises ``ConfigError``."""
    table = _table(path, is_miniature)
    return {name: _limit(f"inspect.limits: {path}", name, entry) for name, entry in table["limits"].items()}


def calibrated_on(path: Path | None, is_miniature: bool) -> tuple[str, ...]:
    """The protections that the limits were made from: how well they tell those is no finding. Empty where there were none."""
    return tuple(_table(path, is_miniature).get("calibrated_on", ()))


def _table(path: Path | None, is_miniature: bool) -> dict[str, Any]:
    """The part of the file that is for this kind of backbone."""
    kind = "miniature" if is_miniature else "general"
    try:
        content = _built_in() if path is None else json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"inspect.limits: {path} cannot be read as JSON ({error}); name another file") from None
    table = content.get(kind) if isinstance(content, dict) else None
    if not isinstance(table, dict) or not isinstance(table.get("limits"), dict):
        raise ConfigError(
            f"inspect.limits: {path} has no limits for this backbone; it needs"
            f' {{"{kind}": {{"limits": {{"sharpness": {{"typical": 50, "limit": 8}}}}}}}}'
        )
    return table


@cache
def _built_in() -> Any:
    return json.loads((files("staytrue") / "purify" / "inspection" / "limits.json").read_text())


def _limit(where: str, name: str, entry: Any) -> Limit:
    if name not in SAYS:
        raise ConfigError(f"{where}: no measure {name!r}; there are: {', '.join(sorted(SAYS))}")
    values: list[Any] = [entry.get(part) if isinstance(entry, dict) else None for part in ("typical", "limit")]
    if not all(type(value) in (int, float) and isfinite(value) for value in values):
        raise ConfigError(f'{where}: {name} is {entry!r}; it needs two numbers: {{"typical": 50, "limit": 8}}')
    if values[0] == values[1]:
        raise ConfigError(
            f"{where}: typical and limit of {name} are both {values[0]}; a limit lies on one side of what is typical"
        )
    return Limit(*values)


def _said(name: str, value: float, limit: Limit, class_noun: str, twin: str | None) -> str:
    side = "below" if limit.limit > limit.typical else "above"
    says = SAYS[name].format(noun=with_article(class_noun))
    says = f"{says}, {twin}" if name == "nearest_other" and twin else says
    return f"{says} ({name} {value:.3g}; ordinary photos are {side} {limit.limit:.3g})"
