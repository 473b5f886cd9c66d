"""A disk that gives out: the process that writes dies at a chosen file."""

from pathlib import Path
from types import ModuleType

import pytest


def dies_at(monkeypatch: pytest.MonkeyPatch, module: ModuleType, write: int) -> None:
    """Lets `module` write all files before the one of that number, from 1; later calls write again."""
    left, original = [write], module.write_bytes

    def dying(path: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        original(path, content)

    monkeypatch.setattr(module, "write_bytes", dying)
