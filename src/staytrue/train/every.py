"""How often something happens while training, as settings say it."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Every = Annotated[str, StringConstraints(pattern=r"^[1-9]\d* steps?$")]


def steps_of(every: str) -> int:
    """100 from "100 steps"."""
    return int(every.split()[0])
