"""Stage 3: other dogs, drawn by the model itself, each captioned as it was asked for. Look at the contact sheet."""

import sys
from pathlib import Path

from staytrue import SD, RunFolder, Subject, regularize_stage
from staytrue.generate import Sampling
from staytrue.regularize.structured import Structured

run = RunFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
dog = Subject(name="dog", photos=Path("src/staytrue/assets/minibench/dog6/train"), class_noun="dog")

regularize_stage(run, Structured(count=16, sampling=Sampling(steps=12)), [dog], SD(), seed=0, device="cpu")
print(run.regularization / "contact-sheet.jpg")
