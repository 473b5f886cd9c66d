"""Embeddings already computed: a photo is compared with hundreds of pictures, but encoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

ROWS = 32


class Memory:
    """Unit-length embeddings by content.

    One encoder has one memory; nothing is ever dropped (a row is a few kilobytes).
    """

    def __init__(self) -> None:
        self._rows: dict[str, Tensor] = {}

    def images(self, images: list[Image.Image], embed: Callable[[list[Image.Image]], Tensor]) -> Tensor:
        """Rows for pictures, encoding those not seen before in batches."""
        keys = [hashlib.sha256(f"{i.mode} {i.size}".encode() + i.tobytes()).hexdigest() for i in images]
        return self._remembered(keys, images, embed)

    def texts(self, texts: list[str], embed: Callable[[list[str]], Tensor]) -> Tensor:
        """Rows for texts, encoding those not seen before in batches."""
        return self._remembered([f"text {t}" for t in texts], texts, embed)

    def _remembered(self, keys: list[str], items: list[Any], embed: Callable[[list[Any]], Tensor]) -> Tensor:
        new = list({k: item for k, item in zip(keys, items, strict=True) if k not in self._rows}.items())
        for start in range(0, len(new), ROWS):
            part = new[start : start + ROWS]
            with torch.no_grad():
                rows = embed([item for _, item in part]).float()
            self._rows |= zip((k for k, _ in part), torch.nn.functional.normalize(rows, dim=-1).cpu(), strict=True)
        return torch.stack([self._rows[k] for k in keys]) if keys else torch.empty(0, 0)
