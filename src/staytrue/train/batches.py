"""Which rows a micro-batch has: a function of the seed and of its number, so that there is no loader state to save.

Each role is a stream that runs through all its rows in a shuffled order, then through all in another order. Batches are always
full: with 5 photos and batch 4, the second batch ends the first round and begins the second.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        count = dict(self.per_batch).get("subject", 0)
        return -(-len(self._members("subject")) // count) if count else 1

    def _seen(self, micro: int) -> list[tuple[int, int]]:
        return [seen for role, count in self.per_batch for seen in self._of_role(role, micro * count, count)]

    def _of_role(self, role: Role, start: int, count: int) -> list[tuple[int, int]]:
        members = self._members(role)
        if not members:
            return []
        places = (divmod(position, len(members)) for position in range(start, start + count))
        return [(members[_order(self.seed, role, epoch, len(members))[place]], epoch) for epoch, place in places]

    def _members(self, role: Role) -> Sequence[int]:
        return _members(self.samples, role)


@lru_cache(maxsize=16)
def _members(samples: tuple[Sample, ...], role: Role) -> tuple[int, ...]:
    return tuple(index for index, sample in enumerate(samples) if sample.role == role)


@lru_cache(maxsize=16)
def _order(seed: int, role: Role, epoch: int, length: int) -> tuple[int, ...]:
    return tuple(torch.randperm(length, generator=generator_for(seed, epoch, f"order of {role}")).tolist())
