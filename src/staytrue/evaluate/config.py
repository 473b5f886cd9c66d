"""The section ``evaluate`` of a run's configuration."""

from __future__ import annotations

from pydantic import Field

from staytrue.evaluate.clip_i import ClipI
from staytrue.evaluate.clip_t import ClipT
from staytrue.evaluate.dino import Dino
from staytrue.evaluate.metrics import METRICS
from staytrue.registry import component
from staytrue.types import Facts


def _all_metrics() -> dict[str, Dino | ClipI | ClipT]:
    return {"dino": Dino(), "clip_i": ClipI(), "clip_t": ClipT()}


@component
class Evaluate:
    """How the pictures are scored.

    Attributes:
        metrics: by name; each knows its own judge.
    """

    metrics: dict[str, METRICS.union()] = Field(default_factory=_all_metrics)  # type: ignore[valid-type]

    def absent(self, facts: Facts) -> dict[str, str]:
        """Metric -> checkpoint of its judge, where that is not on this machine."""
        from staytrue.encoders.checkpoint import at_hand

        asked = {name: metric.encoder(facts).checkpoint for name, metric in self.metrics.items()}
        return {name: checkpoint for name, checkpoint in asked.items() if not at_hand(checkpoint)}
