"""Inside CLIP's text encoder: where a text ends, and encodings in which a token's vector or position is another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


def end_places(ids: Int[Tensor, "rows tokens"], eos: int) -> Int[Tensor, " rows"]:
    """Index of the first end mark of each row: padding often repeats it."""
    return (ids == eos).int().argmax(dim=1)


def at_places(states: Float[Tensor, "rows tokens width"], places: Int[Tensor, " rows"]) -> Float[Tensor, "rows width"]:
    """One state of each row."""
    return states[torch.arange(len(states), device=states.device), places]


@contextmanager
def without_positions(text_encoder: Any, ids: Int[Tensor, "rows tokens"], rare: Sequence[int]) -> Iterator[None]:
    """Inside it, the states that enter the first layer are bare token vectors where ``ids`` are among ``rare``."""
    marked = torch.isin(ids, torch.tensor(list(rare), dtype=ids.dtype, device=ids.device))[..., None]
    [embeddings] = [m for m in text_encoder.modules() if hasattr(m, "position_embedding")]

    def bare(_module: Any, _given: Any, made: Tensor) -> Tensor:
        return torch.where(marked, text_encoder.get_input_embeddings()(ids).to(made.dtype), made)

    hook = embeddings.register_forward_hook(bare)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def other_vectors(text_encoder: Any, vectors: Mapping[int, Float[Tensor, " width"]]) -> Iterator[None]:
    """Inside it, the embedding gives these vectors for these ids."""

    def exchanged(_module: Any, given: tuple[Tensor, ...], made: Tensor) -> Tensor:
        for token, vector in vectors.items():
            made = torch.where((given[0] == token)[..., None], vector.to(made.dtype), made)
        return made

    hook = text_encoder.get_input_embeddings().register_forward_hook(exchanged) if vectors else None
    try:
        yield
    finally:
        if hook:
            hook.remove()
