"""A run folder ready to train in: five photos of a subject, class images, captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import load_file

from staytrue.adapters import Lora
from staytrue.backbones import SD
from staytrue.runs import RunFolder, write_jsonl
from staytrue.train.config import Train
from staytrue.train.stage import train_stage
from staytrue.types import Caption, Sample, Subject

SUBJECT = Subject(name="rex", photos=Path("home/private/rex"), class_noun="dog")
SMALL = {
    "steps": 6,
    "batch": 2,
    "class_rows": 2,
    "learning_rate": 1e-2,
    "dtype": "float32",
    "checkpoint_every": "2 steps",
}


def small(**changes):
    """Settings of a training of six steps."""
    return Train(**{"adapter": Lora(rank=2)} | SMALL | changes)


def make_run(root: Path, photos: int = 5, class_images: int = 6, adjectives=("red", "tall")) -> RunFolder:
    """Writes the pictures and rows that the earlier stages would have left."""
    run, rng = RunFolder(root), np.random.default_rng(0)

    def rows(folder, count, role, **caption):
        samples = []
        for number in range(count):
            file = folder / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (22, 28, 3), dtype=np.uint8)).save(file)
            written = Caption(noun="dog", style="a photo of", adjectives=adjectives, **caption)
            samples.append(Sample(image=file.relative_to(run.root), caption=written, subject="rex", role=role))
        return samples

    write_jsonl(run.captions / "captions.jsonl", rows(run.purified / "rex", photos, "subject", identifier="olis"))
    write_jsonl(run.regularization / "samples.jsonl", rows(run.regularization, class_images, "class"))
    return run


def trained(root: Path, folder: Path, seed: int = 3, **changes) -> RunFolder:
    """A run with a small training of the model in ``folder`` behind it."""
    run = make_run(root)
    train_stage(run, small(**changes), [SUBJECT], SD(path=str(folder)), seed)
    return run


def weights(run: RunFolder):
    """Of the LoRA that a run exported, by name."""
    return load_file(run.model / "pytorch_lora_weights.safetensors")
