"""From measures to a plain verdict with its reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
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
    try:
        table = (_built_in() if path is None else json.loads(path.read_text()))[
            "miniature" if is_miniature else "general"
        ]
        return {name: Limit(entry["typical"], entry["limit"]) for name, entry in table["limits"].items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"inspect.limits: {path} cannot be used ({error!r}); see purify/inspection/limits.json"
        ) from error


@cache
def _built_in() -> Any:
    return json.loads((files("staytrue") / "purify" / "inspection" / "limits.json").read_text())


def calibrated_on(path: Path | None, is_miniature: bool) -> tuple[str, ...]:
    """The protections that the limits were made from: how well they tell those is no finding. Empty where there were none."""
    table = _built_in() if path is None else json.loads(path.read_text())
    return tuple(table["miniature" if is_miniature else "general"].get("calibrated_on", ()))


def _said(name: str, value: float, limit: Limit, class_noun: str, twin: str | None) -> str:
    side = "below" if limit.limit > limit.typical else "above"
    says = SAYS[name].format(noun=with_article(class_noun))
    says = f"{says}, {twin}" if name == "nearest_other" and twin else says
    return f"{says} ({name} {value:.3g}; ordinary photos are {side} {limit.limit:.3g})"
