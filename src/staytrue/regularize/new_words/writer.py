"""What a writer of words is."""

from __future__ import annotations

from typing import Literal, Protocol, TypedDict


class Turn(TypedDict):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


class Writer(Protocol):
    """A component that answers questions."""

    @property
    def name(self) -> str: ...

    def ready(self) -> None:
        """Raises a ``StaytrueError`` where it could not answer, without asking anything."""
        ...

    def answer(self, turns: list[Turn]) -> str:
        """The assistant's next turn."""
        ...
