"""Trained token rows as files that stock ``load_textual_inversion`` takes, one row each.

That function refuses a token that the tokenizer knows. So the row of an identifier that is already a word, such as "sks", travels
under the name "<sks>": stock pipelines are asked for "a <sks> dog". The file remembers the identifier, and with Staytrue the
prompt stays "a sks dog". The brackets do more than please the check: diffusers' added tokens match inside words, so a token named
"olis" would also cut "metropolis" in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.runs import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from staytrue.adapters.token_rows import Token
    from staytrue.backbones.base import LoadedBackbone

TOKEN_FILE = "learned_embeds.safetensors"


@dataclass(frozen=True)
class TokenFile:
    """One exported row.

    Attributes:
        path: the file: the first in a folder has the name that diffusers looks for, the others are numbered.
        identifier: the word in Staytrue's prompts.
        token: the word in a stock pipeline's prompts.
    """

    path: Path
    identifier: str
    token: str


def token_files(folder: Path) -> list[TokenFile]:
    """The exported rows of a folder, in the order of their subjects; none where there are none."""
    from safetensors import safe_open

    found = []
    for path in _paths(folder):
        if not path.is_file():
            break
        with safe_open(path, "pt") as file:
            (token,) = file.keys()
            found.append(TokenFile(path, (file.metadata() or {}).get("identifier", token), token))
    return found


def export_rows(backbone: LoadedBackbone, folder: Path) -> None:
    """Writes each trained row to a file of its own, because ``load_textual_inversion`` takes one token a file."""
    from safetensors.torch import save

    from staytrue.adapters.token_rows import attached_rows

    rows = attached_rows(backbone.text_encoder)
    for path, (number, token) in zip(_paths(folder), enumerate(rows.tokens if rows else ()), strict=False):
        row: Tensor = rows.rows[number].detach()  # type: ignore[union-attr]
        metadata = {"format": "pt", "identifier": token.word}
        write_bytes(path, save({exported_name(backbone.tokenizer, token): row[None].cpu().contiguous()}, metadata))


def exported_name(tokenizer: Any, token: Token) -> str:
    """A name that no vocabulary has: a new token's own, a known word's in brackets."""
    name = token.word if token.new else f"<{token.word}>"
    while not token.new and name in tokenizer.get_vocab():
        name = f"<{name}>"
    return name


def load_rows(backbone: LoadedBackbone, folder: Path) -> None:
    """Writes the exported rows of a folder into a loaded backbone, under their identifiers."""
    import torch
    from safetensors.torch import load_file

    from staytrue.adapters.token_rows import token_of

    for file in token_files(folder):
        token = token_of(backbone.tokenizer, file.identifier)
        encoder = backbone.text_encoder
        if token.id >= len(encoder.get_input_embeddings().weight):
            encoder.resize_token_embeddings(token.id + 1, mean_resizing=False)
        table = encoder.get_input_embeddings().weight
        with torch.no_grad():
            table[token.id] = load_file(file.path)[file.token][0].to(table)


def _paths(folder: Path) -> Iterator[Path]:
    yield folder / TOKEN_FILE
    number = 2
    while True:
        yield folder / TOKEN_FILE.replace(".", f"_{number}.")
        number += 1
