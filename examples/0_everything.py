"""Photos in; a personalized model, pictures, scores and a report out. Stop it at any moment, and run it again."""

import sys
from pathlib import Path

from staytrue import SD, Subject, recipe, run
from staytrue.recipes import quick

photos = Path("src/staytrue/assets/minibench/dog6")
dog = Subject(name="dog", photos=photos / "train", heldout=photos / "heldout", class_noun="dog")

config = quick(recipe("staytrue", SD()))  # without quick(): better pictures, in a few minutes
config = config.model_copy(update={"subjects": (dog,)})
print(run(config, sys.argv[1] if len(sys.argv) > 1 else "runs/everything").report)
