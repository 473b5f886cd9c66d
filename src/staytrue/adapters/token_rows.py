"""Rows of the token embedding as parameters of their own, so that neither a gradient nor weight decay touches another row.

An identifier that is one token of the vocabulary keeps it. Any other becomes a new token; the table itself does not grow while
training, so the optimizer never sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from staytrue.errors import ConfigError

if TYPE_CHECKING:
    from staytrue.backbones.base import LoadedBackbone


@dataclass(frozen=True)
class Token:
    """An identifier with a row of its own.

    Attributes:
        word: the identifier.
        id: of its token.
        new: whether the vocabulary did not have it.
    """

    word: str
    id: int
    new: bool


class TokenRows(nn.Module):
    """An embedding some of whose rows are read from a small parameter instead.

    state_i = rows_k where input_i is the id of token k, else embedding(input_i)

    Args:
        embedding: the whole table; stays as it is.
        tokens: whose rows are trained.
        start: what they start from, one row each.
    """

    untrained: Tensor

    def __init__(self, embedding: nn.Embedding, tokens: Sequence[Token], start: Float[Tensor, "tokens width"]) -> None:
        super().__init__()
        self.embedding = embedding
        self.tokens = tuple(tokens)
        self.rows = nn.Parameter(start.detach().clone())
        untrained = [start[k] if t.new else embedding.weight[t.id] for k, t in enumerate(self.tokens)]
        self.register_buffer("untrained", torch.stack(untrained).detach().clone(), persistent=False)
        self.at_base = False

    def forward(self, input_ids: Int[Tensor, "rows tokens"]) -> Float[Tensor, "rows tokens width"]:
        """The embedded tokens."""
        states = self.embedding(input_ids.clamp(max=self.embedding.num_embeddings - 1))
        rows = self.untrained if self.at_base else self.rows
        for number, token in enumerate(self.tokens):
            states = torch.where((input_ids == token.id)[..., None], rows[number].to(states.dtype), states)
        return states

    @torch.no_grad()
    def merged(self) -> nn.Embedding:
        """A whole table with the trained rows in it, longer than the old one by the new tokens."""
        old = self.embedding.weight
        size = max(len(old), *(token.id + 1 for token in self.tokens))
        table = torch.cat([old, old.new_zeros(size - len(old), old.shape[1])])
        table[[token.id for token in self.tokens]] = self.rows.to(table.dtype)
        return nn.Embedding.from_pretrained(table)


def starting_words(identifiers: Sequence[str], named: Sequence[str], otherwise: Sequence[str] = ()) -> dict[str, str]:
    """What each identifier's row starts as: the words named, in order, else ``otherwise``, else its own present value.

    Raises:
        ConfigError: fewer words than identifiers.
    """
    words = named or otherwise or identifiers
    if len(words) < len(identifiers):
        raise ConfigError(
            f"train.adapter.initializers names {len(words)} words ({', '.join(words)}) for {len(identifiers)} subjects;"
            " name one for each"
        )
    return dict(zip(identifiers, words, strict=False))


def attach_rows(backbone: LoadedBackbone, starts: Mapping[str, str], entries: Sequence[str] = ()) -> list[nn.Parameter]:
    """Puts ``TokenRows`` in place of the text encoder's table, and returns their parameter.

    Args:
        backbone: its tokenizer gets the tokens it lacks.
        starts: identifier -> the word whose row it starts from.
        entries: which of these words are the vocabulary's own spelling of a token.

    Raises:
        ConfigError: no identifier, or two that are one token.
    """
    if not starts:
        raise ConfigError("a token row is to be trained, but no identifier was given whose row it is")
    table, tokenizer = backbone.text_encoder.get_input_embeddings(), backbone.tokenizer
    start = torch.stack([word_row(tokenizer, table.weight, word, word in entries) for word in starts.values()])
    tokens = [token_of(tokenizer, identifier) for identifier in starts]
    if len({token.id for token in tokens}) < len(tokens):
        raise ConfigError(
            f"of the identifiers {', '.join(starts)} two are one token; give each subject a word of its own"
        )
    rows = TokenRows(table, tokens, start)
    backbone.text_encoder.set_input_embeddings(rows)
    return [rows.rows]


def word_row(
    tokenizer: Any, table: Float[Tensor, "vocabulary width"], word: str, entry: bool = False
) -> Float[Tensor, " width"]:
    """The row of the last of some words, which is the head of an English noun; the mean where that word is several tokens.

    "teddy bear" starts as "bear"; a word the vocabulary has as one token starts as exactly that. An ``entry`` is looked up as it
    is spelled, where the vocabulary has it: CLIP's "ktn" begins longer words, and the word "ktn" is two other tokens.
    """
    found = tokenizer.get_vocab().get(word) if entry else None
    ids = tokenizer(word.split()[-1], add_special_tokens=False).input_ids if found is None else [found]
    return table.detach()[ids].mean(dim=0)


def token_of(tokenizer: Any, identifier: str) -> Token:
    """The identifier's token; one that the vocabulary does not have in one piece is added to the tokenizer."""
    ids = tokenizer(identifier, add_special_tokens=False).input_ids
    if len(ids) == 1:
        return Token(identifier, ids[0], new=False)
    tokenizer.add_tokens([identifier])
    return Token(identifier, tokenizer.convert_tokens_to_ids(identifier), new=True)


def attached_rows(text_encoder: Any) -> TokenRows | None:
    """The ``TokenRows`` of an encoder, or None."""
    table = text_encoder.get_input_embeddings()
    return table if isinstance(table, TokenRows) else None


@contextmanager
def untrained_rows(backbone: LoadedBackbone) -> Iterator[None]:
    """Inside it the identifiers' rows are what they were before training; nothing where there are no trained rows."""
    rows = attached_rows(backbone.text_encoder)
    if rows is not None:
        rows.at_base = True
    try:
        yield
    finally:
        if rows is not None:
            rows.at_base = False
