"""What the inspection's settings name, looked for before the first stage."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from staytrue.errors import ConfigError
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
        _look_for_clip(inspect.clip)


def _look_for_clip(checkpoint: str) -> None:
    from staytrue.encoders.checkpoint import at_hand, may_be_on_hub

    if at_hand(checkpoint):
        return
    remedy = "name a folder that holds one, or set inspect.clip=auto"
    if not may_be_on_hub(checkpoint):
        raise ConfigError(f"inspect.clip: there is no CLIP at {checkpoint}; {remedy}")
    warnings.warn(
        f"the CLIP {checkpoint} (inspect.clip) is not on this machine: unless it can be downloaded when the photos are inspected,"
        f" the run will stop there. Get it now with `hf download {checkpoint}`, {remedy}",
        stacklevel=2,
    )
