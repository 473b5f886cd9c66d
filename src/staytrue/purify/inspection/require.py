"""What the inspection's settings name, looked for before the first stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from staytrue.purify.inspection.verdict import read_limits

if TYPE_CHECKING:
    from staytrue.purify.inspection.config import Inspect
    from staytrue.types import Facts


def require_inspection(inspect: Inspect, facts: Facts) -> None:
    """Raises ``ConfigError`` for limits or a CLIP that cannot be used; warns of a CLIP that would have to be downloaded."""
    if inspect.action == "off":
        return
    read_limits(inspect.limits, facts.is_miniature)
    if inspect.clip != "auto" and inspect.deep(facts.is_miniature) != "pixels":
        from staytrue.encoders.checkpoint import look_for

        look_for(inspect.clip, "inspect.clip", "inspect.clip=auto")
