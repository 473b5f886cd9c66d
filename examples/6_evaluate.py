"""Stage 6: scores picture by picture, against the photos trained on and against photos kept apart."""

import sys
from pathlib import Path

from staytrue import SD, RunFolder, Subject, evaluate_stage
from staytrue.evaluate.config import Evaluate

run = RunFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
photos = Path("src/staytrue/assets/minibench/dog6")
dog = Subject(name="dog", photos=photos / "train", heldout=photos / "heldout", class_noun="dog")

evaluate_stage(run, Evaluate(), [dog], SD().facts())
print((run.scores / "summary.json").read_text())
