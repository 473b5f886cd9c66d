"""A backbone that draws by hashing, so that the stage's own logic is what is tested."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

from staytrue.runs import RunFolder, write_jsonl
from staytrue.types import Caption, Facts, Sample, Subject

WORDS = {
    "nouns": {"dog": {"living": True}, "backpack": {"living": False}},
    "shapes": ["tall", "tiny"], "colors": ["red", "blue", "green"], "textures": ["striped", "shiny"],
    "backgrounds": ["on the beach", "in the snow", "in a city"], "styles": ["painting", "pixel art"],
    "motions": ["running", "sleeping"], "moods": ["happy", "sad"],
}  # fmt: skip


@dataclass(frozen=True)
class Drawer:
    """A backbone component whose weights are one small file."""

    path: str
    words: dict[str, Any] = field(default_factory=lambda: WORDS, hash=False)
    variant: str | None = None
    name: str = "stand_in"

    def facts(self) -> Facts:
        return Facts("sd", "stand-in", 16, (4, 4, 4), "epsilon", is_miniature=True, words=self.words)

    def files(self) -> SimpleNamespace:
        return SimpleNamespace(folder=Path(self.path), single=None, prediction=lambda: "epsilon")

    def load(self, device: str) -> str:
        return f"{self.path} on {device}"


@dataclass
class Sampler:
    """Stands in for ``draw_with_latents``: each picture has the color of its prompt's and seed's hash.

    Attributes:
        drawn: every request, in order.
        dies_after: raises ``KeyboardInterrupt`` when asked for one more.
        company: whether the color is also of what else is in the batch: rounding, made visible.
    """

    drawn: list[Any] = field(default_factory=list)
    dies_after: int | None = None
    company: bool = False

    def __call__(self, backbone: str, requests: list[Any], sampling: Any):
        for number, request in enumerate(requests):
            if self.dies_after is not None and len(self.drawn) >= self.dies_after:
                raise KeyboardInterrupt
            self.drawn.append(request)
            start = number - number % sampling.batch if self.company else 0
            beside = requests[start : start + sampling.batch] if self.company else ""
            color = hashlib.sha256(f"{request.prompt} {request.seed} {beside}".encode()).digest()
            yield Image.new("RGB", (16, 16), tuple(color[:3])), torch.full((4, 4, 4), float(color[3]))


def drawer(home: Path, name: str = "weights") -> Drawer:
    """A backbone with its own weights."""
    folder = home / name
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(name.encode())
    return Drawer(str(folder))


def captioned(home: Path, *subjects: Subject, backgrounds: tuple[str, ...] = ("on a rug", "at home")) -> RunFolder:
    """A run whose captions are written."""
    run = RunFolder(home / "runs" / "one")
    rows = [
        Sample(
            Path(f"1-purified/{s.name}/01.png"), Caption(s.class_noun, identifier=s.identifier, background=b), s.name
        )
        for s in subjects
        for b in backgrounds
    ]
    write_jsonl(run.captions / "captions.jsonl", rows)
    return run


def subject(noun: str = "backpack", name: str = "mine", **values: Any) -> Subject:
    return Subject(name=name, photos=Path("."), class_noun=noun, identifier="zwx", **values)
