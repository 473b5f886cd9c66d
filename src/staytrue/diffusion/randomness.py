"""Random state derived from what it is for, so that nothing has to be saved and a resumed run is the same run."""

from __future__ import annotations

import hashlib

import torch


def derived_seed(*purpose: str | int) -> int:
    """A seed that is a function of its arguments alone, such as ``derived_seed(seed, step, "noise")``."""
    digest = hashlib.blake2b("/".join(map(str, purpose)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator_for(*purpose: str | int) -> torch.Generator:
    """A CPU generator seeded by ``derived_seed``: numbers drawn on the CPU are the same on every device."""
    return torch.Generator().manual_seed(derived_seed(*purpose))
