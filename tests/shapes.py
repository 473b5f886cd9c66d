"""Shapes at run time: beartype over jaxtyping's annotations, and over no others."""

from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray


def checked(function):
    """Checks arguments and results that are annotated with a shape.

    The rest is the type checker's: stand-ins in tests are of no class, and some names exist for type checkers only.
    """
    function.__annotations__ = {
        name: kind if has_shape(kind) else Any for name, kind in function.__annotations__.items()
    }
    return beartype(function)


def has_shape(kind: Any) -> bool:
    """Whether there is a shape anywhere in an annotation."""
    if isinstance(kind, type) and issubclass(kind, AbstractArray):
        return True
    return any(map(has_shape, kind if isinstance(kind, list) else get_args(kind)))
