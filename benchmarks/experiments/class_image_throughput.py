"""Class images a second: our sampler, with everything it stores, against a bare stock-diffusers loop of the same batch.

    python benchmarks/experiments/class_image_throughput.py [--images 32] [--batch 16] [--steps 12] [--rounds 3] [--device cpu]

Paired: in each round both draw the same prompts with the same solver, steps and guidance, one after the other, who begins
alternating. "Bare" is what a short script does: ``pipeline(prompts).images``, then ``image.save``. Ours draws into a new
store: pictures with their recipes, latents beside them, every file written whole or not at all. Weights are loaded and one
batch is drawn before any clock runs.
Prints JSON, and writes it to benchmarks/results/class-image-throughput.json; ``ratio`` is ours over bare, of images a second,
and above 1 is quicker. ``processor_ratio`` is the same by the process's own seconds, for a machine that does other work too; on
a GPU it means nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from staytrue.backbones import SD
from staytrue.generate import Request, Sampling, draw
from staytrue.opening import commit
from staytrue.regularize.base import Brief, Planned
from staytrue.regularize.draw import Job, draw_missing
from staytrue.regularize.store import ClassImageStore
from staytrue.regularize.structured import Structured
from staytrue.runs import write_json
from staytrue.types import Subject

OUT = Path(__file__).parents[1] / "results" / "class-image-throughput.json"
SUBJECT = Subject(name="dog", photos=Path("."), class_noun="dog")


Seconds = tuple[float, float]


@dataclass(frozen=True)
class Loaded:
    """A backbone that is loaded already, so that no clock sees it load."""

    backbone: Any

    def load(self, _: str) -> Any:
        return self.backbone


def main() -> None:
    """Measures and prints."""
    options = arguments()
    torch.set_num_threads(options.threads)
    component = SD(path=options.backbone)
    backbone = component.load(options.device)
    sampling = Sampling(steps=options.steps, guidance=3.0, solver="dpm++", batch=options.batch)
    plan = Structured(count=options.images, sampling=sampling).plan(Brief(SUBJECT, (), component.facts(), seed=0))
    list(draw(backbone, [Request(p.caption.render(), p.seed) for p in plan[: options.batch]], sampling))
    ours: list[Seconds] = []
    bare: list[Seconds] = []
    for turn in range(options.rounds):
        pair: list[tuple[list[Seconds], Callable[[], Seconds]]] = [
            (ours, lambda: our_seconds(backbone, plan, sampling)),
            (bare, lambda: bare_seconds(backbone, plan, sampling)),
        ]
        for seconds, measure in pair if turn % 2 == 0 else reversed(pair):
            seconds.append(measure())
    found = report(options, ours, bare)
    print(json.dumps(found, indent=2))
    write_json(OUT, found)


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 32), ("batch", 16), ("steps", 12), ("rounds", 3), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--backbone", default="miniature")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def our_seconds(backbone: Any, plan: list[Planned], sampling: Sampling) -> Seconds:
    """One set by ``draw_missing``, into an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        size_px = backbone.facts.resolution_px
        job = Job(Loaded(backbone), "throughput", size_px, sampling, ClassImageStore(Path(folder)), True, "")  # type: ignore[arg-type]
        began = now()
        assert draw_missing(job, plan) == len(plan)
        return since(began)


def bare_seconds(backbone: Any, plan: list[Planned], sampling: Sampling) -> Seconds:
    """One set by the stock pipeline, each batch's pictures saved as they come."""
    pipeline = backbone.pipeline(sampling.solver)
    pipeline.set_progress_bar_config(disable=True)
    with tempfile.TemporaryDirectory() as folder:
        began = now()
        for start in range(0, len(plan), sampling.batch):
            group = plan[start : start + sampling.batch]
            generators = [torch.Generator().manual_seed(p.seed) for p in group]
            drawn = pipeline(
                [p.caption.render() for p in group],
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                generator=generators,
            )
            for number, image in enumerate(drawn.images, start):
                image.save(Path(folder) / f"{number}.png")
        return since(began)


def now() -> Seconds:
    """The clock on the wall, and this process's own."""
    return time.perf_counter(), time.process_time()


def since(began: Seconds) -> Seconds:
    """Both, from then to now."""
    wall, own = now()
    return wall - began[0], own - began[1]


def report(options: argparse.Namespace, ours: list[Seconds], bare: list[Seconds]) -> dict[str, Any]:
    """The numbers, round by round, and the median of the rounds' ratios."""
    found: dict[str, Any] = {
        "settings": vars(options),
        "torch": torch.__version__,
        "commit": commit(),
        "processor": torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.machine(),
    }
    for clock, name in ((0, ""), (1, "processor_")):
        ratios = [b[clock] / o[clock] for o, b in zip(ours, bare, strict=True)]
        found[f"{name}ours_images_per_s"] = [options.images / s[clock] for s in ours]
        found[f"{name}bare_images_per_s"] = [options.images / s[clock] for s in bare]
        found[f"{name}ratios"] = ratios
        found[f"{name}ratio"] = statistics.median(ratios)
    return found


if __name__ == "__main__":
    main()
