"""Asks for the pools of a domain, and saves them as they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from staytrue.errors import ConfigError
from staytrue.grammar import names_something_living
from staytrue.registry import component
from staytrue.regularize.new_words import WRITERS
from staytrue.regularize.new_words.cleaning import distinct, entries
from staytrue.regularize.new_words.questions import MORE, OF_OBJECTS, OF_THE_LIVING, Question, question
from staytrue.regularize.new_words.writer import Turn
from staytrue.regularize.words import entries_of
from staytrue.runs import make_folder, write_text

if TYPE_CHECKING:
    AnyWriter = Any
else:
    AnyWriter = WRITERS.union()


@component
class NewWords:
    """The settings of `staytrue words`.

    Attributes:
        domain: whose words: "object", "animal" and "person" are the paper's; any other noun, such as "car", takes their place.
        living: whether it has body, skin, emotion and motion, or shape, color and texture; None looks the noun up.
        pools: which ones; empty is all of that kind.
        size: entries wanted of each; None is the paper's.
        rounds: answers asked for at most, until there are enough.
        writer: who answers.
    """

    name: Literal["words"] = "words"
    domain: str = Field(default="object", min_length=1)
    living: bool | None = None
    pools: tuple[str, ...] = ()
    size: int | None = Field(default=None, ge=1)
    rounds: int = Field(default=6, ge=1)
    writer: AnyWriter = Field(default_factory=WRITERS.get("endpoint"))

    @model_validator(mode="after")
    def _known(self) -> NewWords:
        known = (*OF_OBJECTS, *OF_THE_LIVING)
        if unknown := [pool for pool in self.pools if pool not in known]:
            raise ValueError(f"pools: no {', '.join(unknown)}; there are: {', '.join(dict.fromkeys(known))}")
        return self

    def questions(self) -> list[Question]:
        """What will be asked, in order."""
        living = names_something_living(self.domain) if self.living is None else self.living
        return [question(pool, self.domain) for pool in self.pools or (OF_THE_LIVING if living else OF_OBJECTS)]


class Settings(BaseModel):
    """What follows `staytrue words`: ``words.field=value``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: NewWords = Field(default_factory=NewWords)


def make_pools(
    wanted: NewWords, folder: Path, tell: Callable[[str, list[str], int], None] = lambda *_: None
) -> dict[str, int]:
    """Writes ``folder/<pool>.txt`` for each question; of a pool that is there already, only what it is short of is asked.

    Args:
        wanted: the settings.
        folder: takes the files; ``regularize.words`` reads it.
        tell: called for each pool with its name, its entries, and how many were wanted.

    Returns:
        Entries of each pool.

    Raises:
        ConfigError: for some no answer had an entry; the others are written.
    """
    found, empty = {}, {}
    for asked in wanted.questions():
        file, size = folder / f"{asked.pool}.txt", wanted.size or asked.size
        there = list(entries_of(file))
        if len(there) < size:
            wanted.writer.ready()
            make_folder(folder)  # before anything is asked, which takes long
            there, answer = ask(wanted, asked, there, file)
            if not there:
                empty[asked.pool] = answer
        found[asked.pool] = len(there)
        tell(asked.pool, there, size)
    if empty:
        pool, answer = next(iter(empty.items()))
        raise ConfigError(
            f"no entry for {', '.join(empty)}: no answer held any that fits (the last for {pool} began"
            f" {' '.join(answer.split())[:80]!r}). Run the same command again with another model (words.writer), or write"
            f" {folder / f'{pool}.txt'} by hand, one entry a line; pools that have entries are kept"
        )
    return found


def ask(wanted: NewWords, asked: Question, there: list[str], file: Path) -> tuple[list[str], str]:
    """What is there, and the entries of as many answers as it takes to have enough, at most ``rounds``; and the last answer.

    All of one conversation, which begins with what is there. The file has the entries after each answer: where a later one does not
    come, they are not lost.
    """
    turns: list[Turn] = [{"role": "user", "content": asked.text}]
    found, answer, size = list(there), "\n".join(there), wanted.size or asked.size
    for _ in range(wanted.rounds):
        if answer:
            more = MORE.format(number=size - len(found))
            turns += [{"role": "assistant", "content": answer}, {"role": "user", "content": more}]
        answer = wanted.writer.answer(turns)
        found += [entry for entry in distinct([*found, *entries(answer, asked.pool)]) if entry not in found]
        if found:
            write_text(file, "\n".join(found) + "\n")
        if len(found) >= size:
            break
    return found, answer
