"""What a purifier is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from PIL import Image

if TYPE_CHECKING:
    from staytrue.purify.tools import Tools

Cleaner = Callable[[Image.Image], Image.Image]


@runtime_checkable
class Purifier(Protocol):
    """A component that cleans one photo. A filter does so itself, with ``purify``; what has weights is a ``ModelPurifier``."""

    @property
    def name(self) -> str: ...

    def purify(self, image: Image.Image) -> Image.Image:
        """The cleaned RGB picture. Pure: picture in, picture of the same size out; it knows no paths."""
        ...


@runtime_checkable
class ModelPurifier(Protocol):
    """A purifier whose weights are loaded first, or borrowed from the run."""

    @property
    def name(self) -> str: ...

    def load(self, tools: Tools) -> Cleaner:
        """A function as pure as ``Purifier.purify``.

        Raises:
            StaytrueError: what it needs is not there, with what to do.
        """
        ...


@runtime_checkable
class Demanding(Protocol):
    """A purifier that can say before anything is loaded that files of its own are not there."""

    def require(self, tools: Tools) -> None:
        """Raises the ``StaytrueError`` that ``load`` would raise later for such a file; packages are not looked for."""
        ...


@runtime_checkable
class Weighted(Protocol):
    """A purifier with weights of its own. One that says nothing of them borrows the backbone's."""

    def identity(self, tools: Tools) -> list[str]:
        """Tells the weights that ``load`` would read from others by content: a path may hold others tomorrow.

        Raises:
            StaytrueError: they are not there.
        """
        ...


AnyPurifier = Purifier | ModelPurifier


def require(purifier: AnyPurifier, tools: Tools) -> None:
    """Raises ``StaytrueError`` where the files are lacking that this purifier's settings name, or should."""
    if isinstance(purifier, Demanding):
        purifier.require(tools)


def identity(purifier: AnyPurifier, tools: Tools) -> list[str]:
    """Tells the weights that clean from others; empty where none do. Raises ``StaytrueError`` where they are not there."""
    if isinstance(purifier, Weighted):
        return purifier.identity(tools)
    return [tools.identity()] if isinstance(purifier, ModelPurifier) else []


def cleaner(purifier: AnyPurifier, tools: Tools) -> Cleaner:
    """The cleaning itself, whatever kind of purifier does it: picture in, picture out."""
    return purifier.load(tools) if isinstance(purifier, ModelPurifier) else purifier.purify
