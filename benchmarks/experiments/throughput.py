"""Class images a second, beside a bare loop of stock diffusers: same model, prompts, solver, steps, guidance and batch, in one run.

    python benchmarks/experiments/throughput.py [IMAGES] [BATCH]

The two take turns, so that other work on the machine slows both; medians go to benchmarks/results/throughput.json.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from staytrue.backbones import SD
from staytrue.generate import Request, draw
from staytrue.generate.solver import scheduler
from staytrue.opening import commit, versions
from staytrue.recipes import recipe
from staytrue.runs import write_json

OUT = Path(__file__).parents[1] / "results" / "throughput.json"
ROUNDS, PROMPT = 5, "a photo of a dog on the beach"


def main() -> None:
    """Draws in turns and writes the medians."""
    images, batch = (int(word) for word in [*sys.argv[1:], *("32", "16")[len(sys.argv) - 1 :]])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    backbone = SD().load(device)
    sampling = replace(recipe("data-perspective", SD()).regularize.sampling, batch=batch)
    stock = backbone.pipeline()
    stock.scheduler = scheduler(sampling.solver, backbone.scheduler_config)
    stock.set_progress_bar_config(disable=True)

    def ours() -> None:
        list(draw(backbone, [Request(PROMPT, seed) for seed in range(images)], sampling))

    def theirs() -> None:
        for start in range(0, images, batch):
            rows = min(batch, images - start)
            stock([PROMPT] * rows, num_inference_steps=sampling.steps, guidance_scale=sampling.guidance)

    seconds: dict[str, list[float]] = {"staytrue": [], "diffusers": []}
    for loop in (ours, theirs):
        loop()  # the first time compiles and allocates
    for _ in range(ROUNDS):
        for name, loop in (("staytrue", ours), ("diffusers", theirs)):
            started = time.perf_counter()
            loop()
            seconds[name].append(time.perf_counter() - started)
    rates = {name: round(images / median(taken), 3) for name, taken in seconds.items()}
    about = {"images": images, "batch": batch, "steps": sampling.steps, "solver": sampling.solver, "device": device}
    ratio = round(rates["staytrue"] / rates["diffusers"], 3)
    write_json(
        OUT,
        {"images_per_s": rates, "ratio": ratio, "threads": torch.get_num_threads(), "commit": commit()}
        | {"about": about, "versions": versions()},
    )
    print(OUT.read_text())


if __name__ == "__main__":
    main()
