"""Checkpoints: one file each, written whole or not at all, the last two kept; and, where asked for, the state at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from staytrue.errors import StaleTrainingError
from staytrue.runs import whole
from staytrue.train.loop import Watched
from staytrue.train.state import State

KEPT = 2
CHECKPOINTS = "checkpoints"  # folder inside 4-training


@dataclass(frozen=True)
class Checkpoints(Watched):
    """Saves the state of a training, and finds it again.

    Args:
        folder: where they are.
        key: fingerprint of everything the training depends on, except how long it is.
        steps: updates of the whole training; none is saved after the last, when the model itself is.
        keep_state: whether the state after the last is kept, beside the folder, for a training of more steps to go on from.
    """

    folder: Path
    key: str
    steps: int
    keep_state: bool = False
    _began: float = field(default_factory=time.monotonic)
    _before: list[float] = field(default_factory=lambda: [0.0])

    @property
    def kept(self) -> Path:
        """The state after the last update."""
        return self.folder.with_name("state.safetensors")

    @property
    def seconds(self) -> float:
        """That the training took so far, in this process and in those it goes on from."""
        return self._before[0] + time.monotonic() - self._began

    def checkpoint(self, state: State) -> None:
        """Saves, then removes all but the last two; a longer training's, which are not of the past, stay."""
        if state.step < self.steps:
            file = self.folder / f"step-{state.step:07d}.safetensors"
            self._write(file, state)
            for old in [f for f in self.files() if f.name <= file.name][:-KEPT]:
                old.unlink()
        elif self.keep_state:
            self._write(self.kept, state)

    def files(self) -> list[Path]:
        """The checkpoints there are, oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def resume(self, state: State) -> None:
        """Takes over the last checkpoint that is not beyond the last step, if there is one.

        Where there is none, training starts afresh, and a kept state goes: nothing must go on from it beside another's curve.

        Raises:
            StaleTrainingError: a training with other settings or other data was interrupted here.
        """
        for file in [*reversed(self.files()), *([self.kept] if self.kept.is_file() else [])]:
            try:
                found = self._read(file, str(state.backbone.device))
            except SafetensorError:
                continue  # a disk that failed; the one before it is still good
            if found:
                tensors, step, self._before[0] = found
                state.load(tensors, step)
                return
        self.kept.unlink(missing_ok=True)

    def forget(self) -> None:
        """Removes what an earlier training kept, once the model is written. The folder goes with the stage (``run_stage``)."""
        if not self.keep_state:
            self.kept.unlink(missing_ok=True)

    def _write(self, file: Path, state: State) -> None:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors().items()}
        metadata = {"key": self.key, "step": str(state.step), "seconds": str(self.seconds)}
        with whole(file) as temporary:  # from where the tensors are: they, with their moments, may be 10 GB
            save_file(tensors, temporary, metadata)

    def _read(self, file: Path, device: str) -> tuple[dict[str, Tensor], int, float] | None:
        """Tensors, step and seconds; None of a longer training, or of a finished one with other settings."""
        with safe_open(file, "pt", device=device) as stored:
            metadata = stored.metadata()
            if metadata["key"] != self.key and file != self.kept:
                raise StaleTrainingError(
                    f"{file} is from a training with other settings, photos or backbone; to continue it, restore them;"
                    f" to start over, delete {self.folder}"
                )
            if metadata["key"] != self.key or int(metadata["step"]) > self.steps:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return tensors, int(metadata["step"]), float(metadata.get("seconds", 0))
