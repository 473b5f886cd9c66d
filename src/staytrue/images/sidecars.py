"""Captions that come with photos: a ``.txt`` of the same stem, ``metadata.jsonl``, ``metadata.csv``."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Texts:
    """Captions by file (``placed``), and what was wrong with the metadata."""

    by_file: dict[Path, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def placed(path: Path) -> Path:
    """Where it lies: two spellings of a place are one, and a link is where it is, as in the hub's cache, not where it points."""
    return Path(os.path.abspath(path))


def stem_text(photo: Path, problems: list[str]) -> str | None:
    """The text beside a photo ("dog.jpg" and "dog.txt"), on one line; None without such a file."""
    path = photo.with_suffix(".txt")
    if not path.is_file():
        return None
    text = " ".join((_read(path, problems) or "").split())
    if not text:
        problems.append(f"{path.name} is empty; write the caption into it, or remove it")
    return text or None


def metadata_texts(folder: Path) -> Texts:
    """Captions of ``metadata.jsonl`` or ``metadata.csv``, each row with ``file_name`` and ``text``."""
    texts = Texts()
    for name, rows_of in (("metadata.jsonl", _jsonl_rows), ("metadata.csv", _csv_rows)):
        path = folder / name
        content = _read(path, texts.problems) if path.is_file() else None
        for place, row in rows_of(content, texts.problems) if content else []:
            _add(folder, texts, place, row)
    return texts


def _add(folder: Path, texts: Texts, place: str, row: Any) -> None:
    """Notes one row, or why it cannot be used."""
    name, text = (row.get("file_name"), row.get("text")) if isinstance(row, dict) else (None, None)
    if not isinstance(name, str) or not name:
        texts.problems.append(f'{place}: needs "file_name" and "text", has {row!r}')
        return
    file = placed(folder / name)
    if not file.is_relative_to(placed(folder)):
        texts.problems.append(f"{place}: {name} lies outside the folder")
    elif isinstance(text, str) and text.strip():
        if texts.by_file.setdefault(file, " ".join(text.split())) != " ".join(text.split()):
            texts.problems.append(f"{place}: a second, different caption for {name}; keep one")
    else:
        texts.problems.append(f"{place}: no text for {name}; write one, or remove the row")


def _jsonl_rows(content: str, problems: list[str]) -> list[tuple[str, Any]]:
    rows = []
    for number, line in enumerate(content.split("\n"), 1):  # splitlines() would split at U+2028 in a caption, too
        try:
            rows += [(f"metadata.jsonl line {number}", json.loads(line))] if line.strip() else []
        except json.JSONDecodeError as error:
            problems.append(f"metadata.jsonl line {number} is not JSON ({error.msg}): {line[:60]}")
    return rows


def _csv_rows(content: str, problems: list[str]) -> list[tuple[str, Any]]:
    reader = csv.DictReader(io.StringIO(content))
    missing = {"file_name", "text"} - set(reader.fieldnames or ())
    if missing:
        problems.append(
            f"metadata.csv lacks the column {', '.join(sorted(missing))}; its first line is {reader.fieldnames}"
        )
        return []
    return [(f"metadata.csv line {reader.line_num}", row) for row in reader]


def _read(path: Path, problems: list[str]) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows editors write a byte-order mark
    except UnicodeDecodeError:
        problems.append(f"{path.name} is not UTF-8 text; save it as UTF-8")
        return None
