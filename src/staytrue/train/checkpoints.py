"""Checkpoints: one file each, written whole or not at all, the last two kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from staytrue.errors import ResumeError
from staytrue.runs import write_bytes
from staytrue.train.loop import Watched
from staytrue.train.state import State

KEPT = 2


@dataclass(frozen=True)
class Checkpoints(Watched):
    """Saves the state of a training, and finds it again.

    Args:
        folder: where they are.
        key: fingerprint of everything the training depends on.
        steps: updates of the whole training; none is saved after the last, when the model itself is.
    """

    folder: Path
    key: str
    steps: int

    def checkpoint(self, state: State) -> None:
        """Saves, then removes all but the last two."""
        if state.step == self.steps:
            return
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors().items()}
        metadata = {"key": self.key, "step": str(state.step)}
        write_bytes(self.folder / f"step-{state.step:07d}.safetensors", save(tensors, metadata))
        for old in self.files()[:-KEPT]:
            old.unlink()

    def files(self) -> list[Path]:
        """The checkpoints there are, oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def resume(self, state: State) -> None:
        """Takes over the last checkpoint, if there is one.

        Raises:
            ResumeError: it belongs to a training with other settings or other data.
        """
        for file in reversed(self.files()):
            try:
                found = self._read(file, str(state.backbone.device))
            except SafetensorError:
                continue  # a disk that failed; the one before it is still good
            state.load(*found)
            return

    def clear(self) -> None:
        """Removes them, once the model is written, with what a killed write left beside them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, file: Path, device: str) -> tuple[dict[str, Tensor], int]:
        with safe_open(file, "pt", device=device) as stored:
            metadata = stored.metadata()
            if metadata["key"] != self.key:
                raise ResumeError(
                    f"{file} is from a training with other settings, photos or backbone; to continue it, restore them;"
                    f" to start over, delete {self.folder}"
                )
            return {name: stored.get_tensor(name) for name in stored.keys()}, int(metadata["step"])  # noqa: SIM118
