"""Stage 2: a caption for each photo, from the words that came with it, the identifier directly before the noun."""

import sys
from pathlib import Path

from staytrue import SD, RunFolder, Sample, Subject, caption_stage
from staytrue.caption.sidecar import Sidecar
from staytrue.runs import read_jsonl

run = RunFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
dog = Subject(name="dog", photos=Path("src/staytrue/assets/minibench/dog6/train"), class_noun="dog")

caption_stage(run, Sidecar(), [dog], SD())
for row in read_jsonl(run.captions / "captions.jsonl", Sample):
    print(row.image.name, row.caption.render())
