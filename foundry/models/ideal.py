"""What MiniBench's prompts ask for, as the instance judge sees it: `python -m foundry.models.ideal`.

Draws every subject under the conditions of every prompt, several times, and keeps the mean of the judge's embeddings.
"""

import json
from itertools import chain
from typing import get_args

import numpy as np
from PIL import Image
from rich.progress import track
from safetensors.numpy import save

from foundry.world import subjects as world
from foundry.world.ideal import ideal
from foundry.world.rasterize import build
from staytrue.backbones import SD
from staytrue.bench.asked_for import FILE, named
from staytrue.bench.plan import judge_specs
from staytrue.bench.prompts import ListName, suite_prompts
from staytrue.bench.subjects import members
from staytrue.recipes import recipe
from staytrue.runs import write_bytes

LISTS: tuple[ListName, ...] = get_args(ListName)
PICTURES = 8


def conditions_of(member) -> dict[str, dict[str, str]]:
    """What the prompts that suit a subject ask for, each once, by name."""
    return {named(asked.conditions): asked.conditions for asked in suite_prompts(member.subject, LISTS)}


def main() -> None:
    """Draw, embed, write."""
    build()
    judge = judge_specs(recipe("dreambooth", SD()))[1].load("cpu")
    drawable = {subject.name: subject for subject in world.subjects()}
    rows, means = [], []
    for member in track(members(), description="ideal pictures"):
        wanted = conditions_of(member)
        drawn = [[ideal(drawable[member.name], told, n) for n in range(PICTURES)] for told in wanted.values()]
        embedded = judge.images([Image.fromarray(pixels) for pixels in chain(*drawn)]).numpy()
        rows += [[member.name, key] for key in wanted]
        means += list(embedded.reshape(len(wanted), PICTURES, -1).mean(axis=1))
    about = {"judge": judge.sha256, "rows": json.dumps(rows), "pictures": str(PICTURES)}
    write_bytes(FILE, save({"means": np.stack(means).astype(np.float16)}, about))


if __name__ == "__main__":
    main()
