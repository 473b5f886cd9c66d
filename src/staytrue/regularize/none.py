"""No class images."""

from __future__ import annotations

from typing import Literal

from staytrue.registry import component
from staytrue.regularize.base import Brief, Planned


@component
class NoPriorSet:
    """Trains on the photos alone. Known to fail: the class, and then everything else, turns into the subject."""

    name: Literal["none"] = "none"

    def plan(self, brief: Brief) -> list[Planned]:  # noqa: ARG002
        """Nothing."""
        return []
