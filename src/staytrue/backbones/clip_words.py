"""How a CLIP tokenizer spells a word, from its two files alone: no transformers, so that listing answers at once."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path

from staytrue.backbones.sd_tokenizer import byte_symbols, clip_merges, vocabulary
from staytrue.errors import BackboneError

END_OF_WORD = "</w>"
PIECE = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\w\s]|_)+")
SYMBOLS = byte_symbols()


@dataclass(frozen=True)
class ClipWords:
    """A byte-pair vocabulary.

    Attributes:
        ids: of each token.
        ranks: of each merge; earlier ones were more frequent where the tokenizer was made.
        length: how many tokens the text encoder reads, its marks of start and end included.
    """

    ids: dict[str, int]
    ranks: dict[tuple[str, str], int]
    length: int = 77

    def tokens(self, word: str) -> list[str]:
        """The tokens that a lower-case word is spelled with: its bytes, and the merge of lowest rank first, until none fits."""
        symbols = [SYMBOLS[byte] for byte in word.encode()]
        parts = [*symbols[:-1], symbols[-1] + END_OF_WORD]
        while len(parts) > 1:
            pairs = list(itertools.pairwise(parts))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            parts = _merged(parts, best)
        return parts

    def spell(self, text: str) -> list[str]:
        """The tokens of any text: letters that follow each other are a word, signs too; a digit is one, and a short form ('s)."""
        return [token for piece in PIECE.findall(text.lower()) for token in self.tokens(piece)]

    def cut(self, text: str) -> str:
        """The end of a text that the encoder does not read, from its first word that does not fit; empty where it reads all."""
        left = self.length - 2
        for piece in PIECE.finditer(text.lower()):
            left -= len(self.tokens(piece[0]))
            if left < 0:
                return text[piece.start() :]
        return ""

    def is_one_token(self, word: str) -> bool:
        """Whether the word is a single token of the vocabulary."""
        tokens = self.tokens(word)
        return len(tokens) == 1 and tokens[0] in self.ids

    def whole_words(self) -> list[str]:
        """Every word of plain lower-case letters that is one token, the latest made, so the rarest, first."""
        words = [token.removesuffix(END_OF_WORD) for token in self.ids if token.endswith(END_OF_WORD)]
        plain = [
            word for word in words if word.isascii() and word.isalpha() and word.islower() and self.is_one_token(word)
        ]
        return sorted(plain, key=lambda word: -self.ids[word + END_OF_WORD])


def clip_words(folder: Path) -> ClipWords:
    """Of a checkpoint's folder with ``tokenizer/``; OpenAI's own where the folder holds configurations only.

    Raises:
        BackboneError: the tokenizer is of another kind.
    """
    home = folder / "tokenizer"
    try:
        if (home / "merges.txt").is_file():
            lines = (home / "merges.txt").read_text(encoding="utf-8").splitlines()
            merges = [line for line in lines if line.strip() and not line.startswith("#version")]
            ids = json.loads((home / "vocab.json").read_text(encoding="utf-8"))
        elif (home / "tokenizer.json").is_file():
            model = json.loads((home / "tokenizer.json").read_text(encoding="utf-8"))["model"]
            merges, ids = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]], model["vocab"]
        else:
            merges = clip_merges()
            ids = vocabulary(merges)
        pairs = [tuple(merge.split(" ")) for merge in merges]
        config = home / "tokenizer_config.json"
        length = json.loads(config.read_text(encoding="utf-8")).get("model_max_length") if config.is_file() else None
        ranks = {(left, right): rank for rank, (left, right) in enumerate(pairs)}
        return ClipWords(ids, ranks, length if isinstance(length, int) and length < 10_000 else ClipWords.length)
    except (OSError, ValueError, KeyError) as error:
        raise BackboneError(f"{home} holds no CLIP tokenizer that can be read ({error!r})") from error


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
