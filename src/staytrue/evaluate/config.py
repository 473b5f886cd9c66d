"""The section ``evaluate`` of a run's configuration."""

from __future__ import annotations

from pydantic import Field

from staytrue.evaluate.clip_i import ClipI
from staytrue.evaluate.clip_t import ClipT
from staytrue.evaluate.dino import Dino
from staytrue.evaluate.metrics import METRICS
from staytrue.registry import component


def _all_metrics() -> dict[str, Dino | ClipI | ClipT]:
    return {"dino": Dino(), "clip_i": ClipI(), "clip_t": ClipT()}


@component
class Evaluate:
    """How the pictures are scored.

    Attributes:
        metrics: by name; each knows its own judge.
    """

    metrics: dict[str, METRICS.union()] = Field(default_factory=_all_metrics)  # type: ignore[valid-type]
