"""The losses as numbers: ``curve.jsonl`` for the report, TensorBoard where it is installed, a bar for whoever waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor

from staytrue.errors import StaytrueError
from staytrue.runs import read_jsonl, write_jsonl
from staytrue.train.loop import Watched
from staytrue.train.state import State

EVERY_STEPS = 10


@dataclass(frozen=True)
class Curve(Watched):
    """Means of each objective's loss over ``EVERY_STEPS`` updates, fetched from the device that often and no oftener.

    Args:
        folder: ``4-training``.
        rows: what was logged so far.
    """

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    _sums: dict[str, Tensor] = field(default_factory=dict)
    _since: list[int] = field(default_factory=lambda: [0])
    _writers: list[Any] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The curve: rows of step, learning_rate, and one loss per objective."""
        return self.folder / "curve.jsonl"

    def start(self, state: State) -> None:
        """Keeps the rows up to the step resumed from."""
        self.rows[:] = [row for row in self._saved() if row["step"] <= state.step]
        self._since[0] = state.step
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writers.append(SummaryWriter(str(self.folder / "tensorboard"), purge_step=state.step + 1))

    def step(self, state: State, losses: dict[str, Tensor]) -> None:
        """Adds, on the device."""
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if name in self._sums else loss
        if state.step % EVERY_STEPS == 0:
            self._flush(state)

    def checkpoint(self, state: State) -> None:
        """Writes the file, before the checkpoint itself: so there are never rows missing, only rows to drop."""
        self._flush(state)
        write_jsonl(self.file, self.rows)

    def end(self, state: State) -> None:  # noqa: ARG002
        """Closes TensorBoard's file."""
        for writer in self._writers:
            writer.close()

    def _flush(self, state: State) -> None:
        steps = state.step - self._since[0]
        if not steps or not self._sums:
            return
        names = sorted(self._sums)
        means = (torch.stack([self._sums[name].float() for name in names]) / steps).tolist()
        row = {"step": state.step, "learning_rate": state.optimizer.param_groups[0]["lr"]}
        self.rows.append(row | dict(zip(names, means, strict=True)))
        if not all(map(_finite, means)):
            raise StaytrueError(
                f"the loss is no longer a number after step {state.step}: {self.rows[-1]}; lower train.learning_rate,"
                ' or set train.dtype="float32"'
            )
        for writer in self._writers:
            for name, mean in zip(names, means, strict=True):
                writer.add_scalar(f"loss/{name}", mean, state.step)
            writer.add_scalar("learning_rate", row["learning_rate"], state.step)
        self._since[0] = state.step
        self._sums.clear()

    def _saved(self) -> list[dict[str, Any]]:
        return read_jsonl(self.file) if self.file.is_file() else []


@dataclass(frozen=True)
class Bar(Watched):
    """Progress with updates per second and the time left.

    Args:
        steps: updates of the whole training.
    """

    steps: int
    progress: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            refresh_per_second=2,
        )
    )

    def start(self, state: State) -> None:
        """Shows the bar, at the step resumed from."""
        self.progress.add_task("training", total=self.steps, completed=state.step, rate="")
        self.progress.start()

    def step(self, state: State, losses: dict[str, Tensor]) -> None:  # noqa: ARG002
        """Moves it."""
        speed = self.progress.tasks[0].speed
        self.progress.update(TaskID(0), completed=state.step, rate=f"{speed:.2f} it/s" if speed else "")

    def end(self, state: State) -> None:  # noqa: ARG002
        """Leaves it standing."""
        self.progress.stop()


def _finite(value: float) -> bool:
    return value - value == 0
