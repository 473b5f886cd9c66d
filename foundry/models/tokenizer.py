"""The tokenizer: a `CLIPTokenizer` that knows every word of the world and spells the others in bytes.

Byte-pair encoding, trained on the list of words and on spare words, which mean nothing and serve as
identifiers of subjects, until each of them is one token.
"""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer

from foundry.models.pictures import Pictures
from foundry.models.training import RUNS
from foundry.world.nouns import nouns

FOLDER = RUNS / "tokenizer"
LENGTH = 32
START, END = "<|startoftext|>", "<|endoftext|>"
SPARE = re.findall(
    r"\w+",
    """
    olis sks zwx quon vexu blorp tribk ohwx pllo ggld wrea kxu mgr zbu qorv jyx vlim drux fenk skib plom grix
    thwo nuzz krel yomp wazu fipt obru zelt crav murg dwin hesk jolp vurt xano bixu quib snar glef twov ruzk
    pjat loqe imzu ferb ozka yulp hrim cwek dazn vopi gurx tibz narf exol sluv bequ mozt prax unzi kifo
    """,
)
PATTERN = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")


def byte_symbols() -> list[str]:
    """The 256 printable stand-ins for bytes that GPT-2's and CLIP's vocabularies begin with."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(moved))]


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Merges, commonest pair first (ties by spelling), until every word is one symbol."""
    spelled = {word: (*word[:-1], word[-1] + "</w>") for word in words}
    merges = []
    while True:
        pairs = Counter(pair for symbols in spelled.values() for pair in pairwise(symbols))
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = {word: merge(symbols, best) for word, symbols in spelled.items()}


def merge(symbols: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """Join every occurrence of a pair, from the left."""
    joined: list[str] = []
    for symbol in symbols:
        if joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
        else:
            joined.append(symbol)
    return tuple(joined)


def write(words: list[str], folder: Path) -> CLIPTokenizer:
    """Write `vocab.json`, `merges.txt` and the settings."""
    merges = learn_merges(sorted({w for w in [*words, *SPARE] if w.isascii() and w.isalpha()}))
    symbols = byte_symbols()
    entries = [*symbols, *(s + "</w>" for s in symbols), *dict.fromkeys(a + b for a, b in merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocab = {entry: i for i, entry in enumerate(dict.fromkeys(entries))}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
        "do_lower_case": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))
    return load(folder)


def load(folder: Path = FOLDER) -> CLIPTokenizer:
    """The tokenizer as anyone would load it."""
    return CLIPTokenizer.from_pretrained(folder)


def world_words() -> list[str]:
    """Every word of the captions of the world, of its nouns and of its class words."""
    classes = [word for noun in nouns().values() for word in noun.hypernyms]
    texts = [*nouns(), *classes, *Pictures.open("train").captions]
    return sorted({word for text in texts for word in PATTERN.findall(text.lower())})


def main() -> None:
    """Write the tokenizer, then check what the world needs of it."""
    words = world_words()
    tokenizer = write(words, FOLDER)
    broken = [word for word in [*words, *SPARE] if word.isalpha() and len(tokenizer.tokenize(word)) != 1]
    longest = max(len(tokenizer(caption).input_ids) for caption in Pictures.open("holdout").captions)
    print({"words": len(words), "vocabulary": len(tokenizer), "not one token": broken, "longest": longest})


if __name__ == "__main__":
    main()
