"""Which rows a micro-batch has: a function of the seed and of its number, so that there is no loader state to save.

Each role takes its rows from the subjects in turn, so that a subject with many photos does not crowd out one with few. A subject's
rows are a stream that runs through all of them in a shuffled order, then through all in another order. Batches are always full:
with 5 photos and batch 4, the second batch ends the first round and begins the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from staytrue.diffusion.randomness import generator_for
from staytrue.types import Role, Sample


@dataclass(frozen=True)
class Batches:
    """The order in which samples are seen.

    Args:
        samples: all rows.
        seed: of the run.
        per_batch: rows per micro-batch of each role.
    """

    samples: tuple[Sample, ...]
    seed: int
    per_batch: tuple[tuple[Role, int], ...]

    def rows(self, micro: int) -> list[int]:
        """Indices into ``samples`` of micro-batch number ``micro``: subject rows first, then class rows."""
        return [index for index, _ in self._seen(micro)]

    def rounds(self, micro: int) -> list[int]:
        """How often each of its rows was seen before."""
        return [epoch for _, epoch in self._seen(micro)]

    def roles(self, micro: int) -> list[Role]:
        """Their roles."""
        return [self.samples[index].role for index in self.rows(micro)]

    def per_epoch(self) -> int:
        """Micro-batches until every subject row has been seen."""
        count, streams = dict(self.per_batch).get("subject", 0), _streams(self.samples, "subject")
        return -(-len(streams) * max(map(len, streams), default=0) // count) if count else 1

    def _seen(self, micro: int) -> list[tuple[int, int]]:
        return [seen for role, count in self.per_batch for seen in self._of_role(role, micro * count, count)]

    def _of_role(self, role: Role, start: int, count: int) -> list[tuple[int, int]]:
        streams, chosen = _streams(self.samples, role), []
        for position in range(start, start + count) if streams else ():
            turn, number = divmod(position, len(streams))
            epoch, place = divmod(turn, len(streams[number]))
            order = _order(self.seed, _purpose(role, number), epoch, len(streams[number]))
            chosen.append((streams[number][order[place]], epoch))
        return chosen


@lru_cache(maxsize=16)
def _streams(samples: tuple[Sample, ...], role: Role) -> tuple[tuple[int, ...], ...]:
    """Indices of the rows of a role, apart for each subject that has such, in the order of the subjects' first rows."""
    members: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        if sample.role == role:
            members.setdefault(sample.subject, []).append(index)
    return tuple(map(tuple, members.values()))


def _purpose(role: Role, number: int) -> str:
    return f"order of {role}" + (f" {number + 1}" if number else "")


@lru_cache(maxsize=64)
def _order(seed: int, purpose: str, epoch: int, length: int) -> tuple[int, ...]:
    return tuple(torch.randperm(length, generator=generator_for(seed, epoch, purpose)).tolist())
