"""How far a pixel may move: read from words, kept as a share of [0, 1], and exact in 8-bit levels."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator

from staytrue.errors import ConfigError

SLACK = 1e-6  # 11/255 as a float may be a hair below 11 levels; what is meant is 11


def parse_share(written: Any, field: str = "protect.radius") -> float:
    """A share of the scale [0, 1] of a channel: from "11/255", or from a number such as 0.043.

    Anti-DreamBooth's code clamps its "5e-2" on pixels in [-1, 1], which is 6.4/255 here; MetaCloak's counts in 0 to 255. So the
    scale is fixed: a share is always of [0, 1].

    Raises:
        ConfigError: not a number, not above 0, or above 1.
    """
    try:
        if isinstance(written, bool) or not isinstance(written, (str, int, float)):
            raise ValueError
        share = float(Fraction(written.strip()) if isinstance(written, str) else Fraction(written))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ConfigError(f'{field}: {written!r} is not a number; write "11/255" or such as 0.043') from None
    if not 0 < share <= 1:
        raise ConfigError(
            f"{field}: {written} is not above 0 and at most 1; it is a share of the scale [0, 1] of a channel,"
            ' so eleven of 255 levels are "11/255"'
        )
    return share


def parse_radius(written: Any) -> float:
    """``parse_share``, and large enough to change a picture of 8 bits. Raises ``ConfigError``."""
    radius = parse_share(written)
    if levels(radius) == 0:
        raise ConfigError(f"protect.radius: {written} is below 1/255 and cannot change a picture of 8 bits")
    return radius


def parse_step(written: Any) -> float | None:
    """``parse_share``, or None. Raises ``ConfigError``."""
    return None if written is None else parse_share(written, "the step of pgd")


def levels(radius: float) -> int:
    """The largest whole number of 8-bit levels within the radius."""
    return int(radius * 255 + SLACK)


def said(radius: float) -> str:
    """The radius as people write it: "11/255" where it is a whole number of levels, else "0.0450"."""
    whole = levels(radius)
    return f"{whole}/255" if abs(radius * 255 - whole) < 1e-4 else f"{radius:.4f}"


Radius = Annotated[float, BeforeValidator(parse_radius)]
StepSize = Annotated[float | None, BeforeValidator(parse_step)]
