"""Rows of the token embedding as parameters of their own, so that neither a gradient nor weight decay touches another row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from staytrue.errors import ConfigError


class TokenRows(nn.Module):
    """An embedding some of whose rows are read from a small parameter instead.

    Args:
        embedding: the whole table; stays as it is.
        ids: which rows are trained; they start from the table's.
    """

    def __init__(self, embedding: nn.Embedding, ids: Sequence[int]) -> None:
        super().__init__()
        self.embedding = embedding
        self.ids = tuple(ids)
        self.rows = nn.Parameter(embedding.weight.detach()[list(ids)].clone())

    def forward(self, input_ids: Int[Tensor, "rows tokens"]) -> Float[Tensor, "rows tokens width"]:
        """The embedded tokens."""
        states = self.embedding(input_ids)
        for number, token in enumerate(self.ids):
            states = torch.where((input_ids == token)[..., None], self.rows[number].to(states.dtype), states)
        return states

    @torch.no_grad()
    def merged(self) -> nn.Embedding:
        """The whole table with the trained rows written into it."""
        self.embedding.weight[list(self.ids)] = self.rows.to(self.embedding.weight.dtype)
        return self.embedding


def token_ids(tokenizer: Any, identifiers: Sequence[str]) -> list[int]:
    """The token of each identifier. Raises ``ConfigError`` for one that is not a single token."""
    ids = []
    for identifier in dict.fromkeys(identifiers):
        found = tokenizer(identifier, add_special_tokens=False).input_ids
        if len(found) != 1:
            raise ConfigError(
                f"identifier {identifier!r} is {len(found)} tokens to this model; train.adapter.token needs a single one,"
                ' such as "sks" or "olis"'
            )
        ids.append(found[0])
    return ids


def attach_rows(text_encoder: Any, tokenizer: Any, identifiers: Sequence[str]) -> list[nn.Parameter]:
    """Puts ``TokenRows`` for the identifiers in place of the encoder's table, and returns their parameter."""
    table = text_encoder.get_input_embeddings()
    rows = TokenRows(table, token_ids(tokenizer, identifiers))
    text_encoder.set_input_embeddings(rows)
    return [rows.rows]


def attached_rows(text_encoder: Any) -> TokenRows | None:
    """The ``TokenRows`` of an encoder, or None."""
    table = text_encoder.get_input_embeddings()
    return table if isinstance(table, TokenRows) else None
