"""Several purifiers, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from staytrue.purify.steps import STEPS
from staytrue.registry import component

if TYPE_CHECKING:
    from PIL import Image

    from staytrue.purify.base import Cleaner
    from staytrue.purify.tools import Tools

    AnyStep = Any
else:
    AnyStep = STEPS.union()


@component
class Chain:
    """Cleans with each purifier of a list in turn; what several need is loaded once.

    Source: the chains of DiffShortcut's code ("names joined by -, each step reads the previous folder").
    Difference: nothing is written, and so nothing is rounded to a file's format, between the steps; only to 8 bits.
    Known to fail: losses of detail add up, those of perturbation often do not.

    Attributes:
        steps: purifiers with their settings: purify.steps='[{name="jpeg"}, {name="gaussian", sigma_px=0.8}]'.
    """

    name: Literal["chain"] = "chain"
    steps: tuple[AnyStep, ...] = Field(default=(), validate_default=True)

    @field_validator("steps", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        # inside ``protect.method.purifier`` pydantic has Python values already, and calls a list no array
        return tuple(value) if isinstance(value, list) else value

    @field_validator("steps")
    @classmethod
    def _some(cls, value: tuple[AnyStep, ...]) -> tuple[AnyStep, ...]:
        if not value:
            raise ValueError("a chain needs at least one step")
        return value

    def require(self, tools: Tools) -> None:
        """As each of its steps."""
        from staytrue.purify.base import require

        for place, step in enumerate(self.steps):
            require(step, tools.below(f"steps.{place}"))

    def identity(self, tools: Tools) -> list[str]:
        """Of each of its steps."""
        from staytrue.purify.base import identity

        return [one for step in self.steps for one in identity(step, tools)]

    def load(self, tools: Tools) -> Cleaner:
        """The whole chain."""
        from staytrue.purify.base import cleaner

        cleaners = [cleaner(step, tools.below(f"steps.{place}")) for place, step in enumerate(self.steps)]

        def clean(image: Image.Image) -> Image.Image:
            for step in cleaners:
                image = step(image)
            return image

        return clean
