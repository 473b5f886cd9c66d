"""CLIP's tokenizer as files: for single-file checkpoints, which carry every weight but no vocabulary, and for other programs.

``configs/clip-merges.txt.gz`` holds the 48,894 merges of OpenAI's CLIP (MIT); the vocabulary follows from them.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def with_tokenizer(folder: Path) -> Iterator[Path]:
    """A copy of a folder of configurations in which the tokenizer's files are complete, or the folder itself where they are."""
    if (folder / "tokenizer" / "merges.txt").is_file():
        yield folder
        return
    with TemporaryDirectory() as made:
        complete = Path(made) / folder.name
        shutil.copytree(folder, complete)
        merges = clip_merges()
        _write(complete / "tokenizer", vocabulary(merges), merges)
        yield complete


def add_older_files(folder: Path) -> None:
    """Writes ``vocab.json`` and ``merges.txt`` beside a saved ``tokenizer.json``, and ``added_tokens.json`` where words were added.

    transformers 5 saves the one file alone; CLIP's tokenizer in transformers 4, and programs that bring their own, read the others.
    Tokenizers of another kind than CLIP's have no such files, and get none.
    """
    file = folder / "tokenizer.json"
    saved = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"model": {}}
    if saved["model"].get("type") != "BPE":
        return
    vocab, merges = saved["model"]["vocab"], saved["model"]["merges"]
    _write(folder, vocab, [merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    (folder / "added_tokens.json").unlink(missing_ok=True)  # of an earlier save
    if added := {word["content"]: word["id"] for word in saved["added_tokens"] if word["content"] not in vocab}:
        (folder / "added_tokens.json").write_text(json.dumps(added, ensure_ascii=False), encoding="utf-8")


def _write(folder: Path, vocab: dict[str, int], merges: list[str]) -> None:
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")


def clip_merges() -> list[str]:
    """CLIP's merges in order, each two symbols with a space between."""
    packed = (files("staytrue") / "backbones" / "configs" / "clip-merges.txt.gz").read_bytes()
    return gzip.decompress(packed).decode().splitlines()


def vocabulary(merges: list[str]) -> dict[str, int]:
    """Token to id: the 256 byte symbols, the same as word ends, one entry per merge, and the two marks."""
    symbols = byte_symbols().values()
    entries = [*symbols, *(s + "</w>" for s in symbols), *(m.replace(" ", "") for m in merges)]
    return {entry: i for i, entry in enumerate([*entries, "<|startoftext|>", "<|endoftext|>"])}


def byte_symbols() -> dict[int, str]:
    """A printable character for each of the 256 bytes; those that print stand for themselves and come first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
