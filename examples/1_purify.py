"""Stage 1: the photos, upright, in sRGB, and here once through JPEG, which removes some of what a protection adds."""

import sys
from pathlib import Path

from staytrue import RunFolder, Subject, purify_stage
from staytrue.purify.jpeg import Jpeg

run = RunFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
dog = Subject(name="dog", photos=Path("src/staytrue/assets/minibench/dog6/train"), class_noun="dog")

purify_stage(run, Jpeg(quality=95), [dog])
print(*sorted(run.purified.rglob("*.png")), sep="\n")
