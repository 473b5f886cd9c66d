"""Stage 5: prompts, drawn by the trained model and, with the same seeds, by the model it came from."""

import sys
from pathlib import Path

from staytrue import SD, RunFolder, Subject, generate_stage
from staytrue.generate import Generate, Sampling

run = RunFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
dog = Subject(name="dog", photos=Path("src/staytrue/assets/minibench/dog6/train"), class_noun="dog")
prompts = ("a {} on the beach", "a {} in the snow", "a blue {}")

generate_stage(run, Generate(prompts=prompts, images_per_prompt=2, sampling=Sampling(steps=12)), [dog], SD(), "cpu")
print(run.images / "grid-dog.png")
