"""How often something happens while training, as settings say it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Every = Annotated[str, Field(pattern=r"^[1-9]\d* steps?$", examples=["100 steps"])]


def steps_of(every: str) -> int:
    """100 from "100 steps"."""
    return int(every.split()[0])
