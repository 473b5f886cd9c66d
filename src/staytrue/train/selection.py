"""Scores checkpoints while training, keeps the best one's weights: ``selection.jsonl`` and, until the end, one or two files.

Everything it decides by follows from the seed and the weights, and is written before the checkpoint: a resumed training
chooses the same. Only the seconds differ.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from staytrue.diffusion.randomness import derived_seed
from staytrue.encoders.clip import LoadedClip
from staytrue.encoders.memory import Memory
from staytrue.encoders.own import own_clip
from staytrue.errors import BackboneError, ConfigError, StaleTrainingError
from staytrue.evaluate.base import Judged
from staytrue.evaluate.clip_i import ClipI
from staytrue.evaluate.clip_t import ClipT
from staytrue.generate.prompts import fill
from staytrue.generate.sampling import Request, draw
from staytrue.generate.seeds import picture_seed
from staytrue.images.crop import center_box, fit
from staytrue.images.metadata import read_png
from staytrue.runs import read_jsonl, whole, write_jsonl
from staytrue.train.config import Train
from staytrue.train.loop import Watched, attention, precision
from staytrue.train.scored import cost_share, scored_steps
from staytrue.train.select import Candidate, Select
from staytrue.train.state import State
from staytrue.types import Sample, Subject, with_suffix

FILE = "selection.jsonl"
KEPT = 2  # the best, and the best before it: a resume may go back to when that was the best


def hold_out(samples: Iterable[Sample], seed: int) -> tuple[list[Sample], dict[str, Path]]:
    """One photo of each subject apart: the rows without it, and subject -> photo.

    Raises:
        ConfigError: a subject has one photo only.
    """
    samples, held = list(samples), {}
    for name in dict.fromkeys(sample.subject for sample in samples if sample.role == "subject"):
        photos = sorted({s.image for s in samples if s.subject == name and s.role == "subject"})
        if len(photos) < 2:
            raise ConfigError(
                f"train.select holds one photo of each subject out, and {name} has {len(photos)}; add photos, or set"
                " train.select=null"
            )
        held[name] = photos[derived_seed(seed, name, "held-out photo") % len(photos)]
    return [s for s in samples if s.role != "subject" or s.image != held[s.subject]], held


@dataclass(frozen=True)
class Selection(Watched):
    """Draws and scores at each checkpoint; decides with ``Select``.

    Args:
        train: the settings, with ``select``.
        photos: each subject with the photo of it that is not trained on, as a square.
        folder: ``4-training``.
        rows: the base model's, then one for each checkpoint so far.
    """

    train: Train
    photos: tuple[tuple[Subject, Image.Image], ...]
    folder: Path
    rows: list[Candidate] = field(default_factory=list)
    _clip: list[LoadedClip] = field(default_factory=list)
    _since: list[float] = field(default_factory=list)

    @property
    def select(self) -> Select:
        """The rule."""
        assert self.train.select is not None
        return self.train.select

    @property
    def scored(self) -> tuple[int, ...]:
        """After which steps."""
        return scored_steps(self.train, len(self.photos))

    @property
    def best(self) -> Candidate:
        """The best so far."""
        return self.select.best(self.rows[0], self.rows[1:])

    def stop(self) -> bool:
        """Whether the best has passed."""
        return self.select.passed(self.rows[0], self.rows[1:])

    def start(self, state: State) -> None:
        """Scores the base model, or keeps the rows up to the step resumed from."""
        began = time.monotonic()
        self._clip[:] = [self._load(state)]
        if state.step == 0:
            self.rows[:] = [self._candidate(state, began)]
            write_jsonl(self.folder / FILE, self.rows)
        else:
            file = self.folder / FILE
            saved = read_jsonl(file, Candidate) if file.is_file() else []
            self.rows[:] = [row for row in saved if row.step <= state.step]
            if not self.rows or self.rows[0].step != 0:
                raise StaleTrainingError(
                    f"{file} is not as training left it; to start over, delete {self._weights(0).parent}"
                )
        for file in self._kept():
            if file > self._weights(state.step):  # of a checkpoint that was not written any more
                file.unlink()
        self._since[:] = [time.monotonic()]

    def checkpoint(self, state: State) -> None:
        """Scores where it is time, keeps the weights where they are the best, and writes the row."""
        if state.step not in self.scored:
            return
        began = time.monotonic()
        self.rows.append(self._candidate(state, began))
        if self.best is self.rows[-1]:
            tensors = state.ema or state.adapter.state(state.backbone)
            kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            with whole(self._weights(state.step)) as temporary:
                save_file(kept, temporary)
            for old in self._kept()[:-KEPT]:
                old.unlink()
        self.rows[-1] = replace(self.rows[-1], seconds=round(time.monotonic() - began, 3))
        write_jsonl(self.folder / FILE, self.rows)
        self._since[:] = [time.monotonic()]

    def take(self, state: State) -> None:
        """Puts the chosen weights into the model."""
        file = self._weights(self.best.step)
        if not file.is_file():
            raise StaleTrainingError(
                f"the weights of the chosen step, {file}, are gone; to start over, delete {file.parent}"
            )
        with safe_open(file, "pt", device=str(state.backbone.device)) as stored:
            state.adapter.load_state(state.backbone, {name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118

    def facts(self) -> dict[str, Any]:
        """For the manifest: the choice, and what choosing cost as a share of the time that training took, measured and by count."""
        seconds, training = (sum(getattr(row, name) for row in self.rows) for name in ("seconds", "training_seconds"))
        scores = {name: value for name, value in asdict(self.best).items() if "seconds" not in name}
        return scores | {
            "base_alignment": self.rows[0].alignment,
            "floor": self.select.floor(self.rows[0]),
            "stopped_early": self.rows[-1].step < self.train.steps,
            "seconds": round(seconds, 3),
            "training_seconds": round(training, 3),
            "share": round(seconds / training, 4) if training else None,
            "share_by_count": round(cost_share(self.train, len(self.photos), self.scored), 4),
            "encoder": self._clip[0].judge,
        }

    def _candidate(self, state: State, began: float) -> Candidate:
        trained = began - self._since[0] if self._since else 0.0
        identity, alignment = self._scores(state)
        spent = time.monotonic() - began
        return Candidate(state.step, identity, alignment, round(spent, 3), round(trained, 3))

    def _scores(self, state: State) -> tuple[float, float]:
        """Identity and alignment of the model as it is."""
        asked = list(self._asked(state))
        requests = [request for request, _, _ in asked]
        device = state.backbone.device
        with averaged(state), attention(device), precision(self.train, device):  # the CLIP outside: it needs float32
            images = list(draw(state.backbone, requests, self.select.sampling))
        pictures = [Judged(i, plain, (photo,)) for i, (_, plain, photo) in zip(images, asked, strict=True)]
        return means(self._clip[0], pictures)

    def _asked(self, state: State) -> Iterator[tuple[Request, str, Image.Image]]:
        """What to draw, the plain prompt and the photo to compare with. Before the first step the plain prompt is drawn."""
        everyone = [subject for subject, _ in self.photos]
        for place, (subject, photo) in enumerate(self.photos):
            templates = self.select.shared(place, len(self.photos))
            for prompt in (fill(template, subject, beside=everyone) for template in templates):
                text = with_suffix(prompt.text, self.select.suffix or "") if state.step else prompt.plain
                named = ((subject.identifier, subject.class_noun),) if state.step else ()
                for seed in self.select.seeds:
                    yield Request(text, picture_seed(seed, prompt.plain, 0), named), prompt.plain, photo

    def _load(self, state: State) -> LoadedClip:
        try:
            return own_clip(self.select.checkpoint, state.backbone.facts).load(str(state.backbone.device))
        except BackboneError as error:
            raise BackboneError(
                f"no CLIP to choose checkpoints by: {str(error).split('; download')[0]}; name a folder with one in"
                " train.select.checkpoint, or set train.select=null"
            ) from error

    def _kept(self) -> list[Path]:
        return sorted(self._weights(0).parent.glob("best-*.safetensors"))

    def _weights(self, step: int) -> Path:
        return self.folder / "checkpoints" / f"best-{step:07d}.safetensors"


def means(clip: LoadedClip, pictures: Sequence[Judged]) -> tuple[float, float]:
    """Mean likeness to the photos and mean fit to the prompts.

    With a memory of its own: what is encoded together must not depend on which checkpoints this process has seen.
    """
    clip = replace(clip, memory=Memory())
    return fmean(ClipI()(clip, pictures)), fmean(ClipT()(clip, pictures))


@contextmanager
def averaged(state: State) -> Iterator[None]:
    """The weights that would be exported, where a moving average is; afterwards the trained ones, to the bit."""
    if not state.ema:
        yield
        return
    trained = {name: tensor.detach().clone() for name, tensor in state.adapter.state(state.backbone).items()}
    state.adapter.load_state(state.backbone, state.ema)
    try:
        yield
    finally:
        state.adapter.load_state(state.backbone, trained)


def square(photo: Path, side_px: int) -> Image.Image:
    """The middle of a photo, as training sees photos."""
    image = read_png(photo)
    return fit(image, side_px, center_box(image.size))
