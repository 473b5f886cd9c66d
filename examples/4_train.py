"""Stage 4: a few steps of DreamBooth's loss, as LoRA. Stop it at any moment, and run it again."""

import sys
from pathlib import Path

from staytrue import SD, RunFolder, Subject, train_stage
from staytrue.adapters import Lora
from staytrue.train import Train

run = RunFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
dog = Subject(name="dog", photos=Path("src/staytrue/assets/minibench/dog6/train"), class_noun="dog")

train = Train(adapter=Lora(rank=8), steps=20, learning_rate=1e-3, batch=4, class_rows=4)
train_stage(run, train, [dog], SD(), seed=0, device="cpu")
print(*sorted(run.model.iterdir()), sep="\n")
