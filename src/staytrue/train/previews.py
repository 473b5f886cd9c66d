"""Pictures while training: the same prompts on the same seeds, so that only the model differs from grid to grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from staytrue.generate.prompts import fill
from staytrue.generate.sampling import Request, draw
from staytrue.images.grid import comparison_grid
from staytrue.images.metadata import png_bytes
from staytrue.runs import write_bytes
from staytrue.train.config import Previews
from staytrue.train.every import steps_of
from staytrue.train.loop import Watched
from staytrue.train.state import State
from staytrue.types import Subject


@dataclass(frozen=True)
class PreviewGrids(Watched):
    """Draws a grid every so often: a row per prompt, a column per seed.

    Args:
        previews: what and how often.
        subjects: whose phrases are put into the prompts.
        folder: where ``step-000100.png`` goes.
    """

    previews: Previews
    subjects: tuple[Subject, ...]
    folder: Path

    def start(self, state: State) -> None:
        """Removes the grids after the step resumed from: they may be of a longer training."""
        for file in self.folder.glob("step-*.png"):
            if file > self._file(state.step):
                file.unlink()

    def step(self, state: State, losses: dict[str, Tensor]) -> None:  # noqa: ARG002
        """Draws, when it is time."""
        if self.previews.every is None or state.step % steps_of(self.previews.every):
            return
        asked = [(fill(prompt, s).text, s) for s in self.subjects for prompt in self.previews.prompts]
        texts = [text for text, _ in asked]
        requests = [
            Request(text, seed, ((s.identifier, s.class_noun),)) for text, s in asked for seed in self.previews.seeds
        ]
        images = list(draw(state.backbone, requests, self.previews.sampling))
        columns = len(self.previews.seeds)
        rows = [(text, images[i * columns : (i + 1) * columns]) for i, text in enumerate(texts)]
        grid = comparison_grid(rows, [f"seed {seed}" for seed in self.previews.seeds])
        write_bytes(self._file(state.step), png_bytes(grid))

    def _file(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}.png"
