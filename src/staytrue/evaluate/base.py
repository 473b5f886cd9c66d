"""What every metric looks like: one score per image. Means and intervals are made elsewhere, from the stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from staytrue.types import Facts

if TYPE_CHECKING:
    from PIL import Image

Reads = Literal["photos", "prompt"]


@dataclass(frozen=True)
class Judged:
    """One picture as a metric sees it.

    Attributes:
        image: the picture, RGB.
        prompt: its prompt, the identifier taken out.
        photos: of the subject: the trained or the held-out ones, never both at once.
    """

    image: Image.Image
    prompt: str
    photos: tuple[Image.Image, ...] = ()


class Encoder(Protocol):
    """A judge in memory (``encoders``): ``judge`` says checkpoint, transform and pooling in words."""

    judge: str
    sha256: str


@runtime_checkable
class Metric(Protocol):
    """A component that scores pictures one by one.

    Attributes:
        name: its name in configuration and in score rows.
        reads: what a picture is compared with: photos of the subject (trained and held-out apart), or its prompt.

    One that needs packages of an extra has ``extra``, too: their names, and how they are installed.
    """

    name: str
    reads: ClassVar[Reads]

    def encoder(self, facts: Facts) -> Any:
        """The judge it asks, without weights, with its ``checkpoint``: equal ones are loaded once for all metrics."""
        ...

    def refuses(self, facts: Facts) -> bool:
        """Whether the judge is the miniature's, which refuses pictures it was not made for."""
        ...

    def __call__(self, encoder: Any, pictures: Sequence[Judged]) -> list[float]:
        """One score per picture, in order."""
        ...
