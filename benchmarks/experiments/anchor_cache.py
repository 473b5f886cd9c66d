"""What a pool of precomputed reference predictions saves, and what it costs.

    python benchmarks/experiments/anchor_cache.py --out benchmarks/results/anchor_cache.json

Trains one MiniBench subject on the miniature with ``semantic_anchor`` (reading A), by fresh noise and by pools of several
sizes, and without the anchor. It reports seconds per update while the pool fills and after; megabytes of kept predictions; and, for
the price in variety, denoising error and anchor error on noise that no training saw. Under two minutes on two slow cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.caption.stage import caption_stage
from staytrue.caption.template import Template
from staytrue.objectives import Composed, Denoising, SemanticAnchor
from staytrue.opening import commit
from staytrue.purify.none import NoPurifier
from staytrue.purify.stage import purify_stage
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import RunFolder
from staytrue.train.config import Train, Weighted
from staytrue.train.loop import Watched, attention, precision, train_loop
from staytrue.train.stage import Job, read_samples, step_maker
from staytrue.train.state import start

DENOISING = Weighted(objective=Denoising())
ANCHOR = Weighted(weight=0.5, objective=SemanticAnchor())
HELDOUT = range(10_000, 10_008)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Clock(Watched):
    """When each update ended."""

    times: list[float] = field(default_factory=lambda: [time.perf_counter()])

    def step(self, state: Any, losses: Any) -> None:  # noqa: ARG002
        """Notes the time."""
        self.times.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Of each update."""
        return [late - early for early, late in zip(self.times, self.times[1:], strict=False)]


def measured(run: RunFolder, adapter: Full | Lora, pool: int | None, steps: int) -> dict[str, Any]:
    """One training; ``pool`` None is without the anchor, 0 with fresh noise."""
    subject = bundled_subject("dog6")
    terms = {"subject": DENOISING} | ({} if pool is None else {"anchor": ANCHOR})
    settings: dict[str, Any] = {"steps": steps, "batch": 4, "class_rows": 0, "learning_rate": 1e-4, "objectives": terms}
    train = Train(adapter=adapter, noise_pool=pool or 0, checkpoint_every="1000 steps", **settings)
    backbone = SD().load()
    samples = tuple(read_samples(run, [subject]))
    cache = run.root / "latents.safetensors"
    make = step_maker(Job(run, train, (subject,), samples, SD(), 0, "cpu"), backbone, cache)
    state, clock = start(train, backbone, [subject], keep_base=True), Clock()
    fresh = replace(make, noise_pool=0)
    train_loop(train, state, make, [clock])
    filling = -(-len(samples) * (pool or 0) // 4)
    seconds = clock.seconds()
    return {
        "adapter": adapter.name,
        "anchor": pool is not None,
        "pool": pool,
        "seconds_filling": statistics.median(seconds[:filling]) if filling else None,
        "seconds": statistics.median(seconds[filling:]) if filling < steps else None,
        "kept_megabytes": sum(t.nbytes for t in make._references.values()) / 1e6,
        **heldout(fresh, train),
    }


@torch.no_grad()
def heldout(make: Any, train: Train) -> dict[str, float]:
    """Mean losses on noise from beyond the training."""
    both = Composed({"subject": DENOISING, "anchor": Weighted(weight=1.0, objective=SemanticAnchor())})
    counts = both.counts([make.batches.roles(micro) for micro in HELDOUT])
    sums: dict[str, float] = {}
    for micro in HELDOUT:
        with attention(CPU), precision(train, CPU):
            _, means = both(make(micro), counts)
        for name, mean in means.items():
            sums[name] = sums.get(name, 0.0) + float(mean)
    return {f"heldout_{name}": value for name, value in sums.items()}


def main() -> None:
    """Measures, prints a table, writes the JSON."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--out", type=Path)
    ask.add_argument("--steps", type=int, default=16)
    ask.add_argument("--pools", type=int, nargs="*", default=[2, 8])
    ask.add_argument("--adapters", nargs="*", default=["lora", "full"])
    given = ask.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    adapters: dict[str, Full | Lora] = {"lora": Lora(), "full": Full()}
    with tempfile.TemporaryDirectory() as made:
        run, subject = RunFolder(Path(made) / "run"), bundled_subject("dog6")
        purify_stage(run, NoPurifier(), [subject])
        caption_stage(run, Template(), [subject], SD())
        for name in given.adapters:
            for pool in [None, 0, *given.pools]:
                rows.append(measured(run, adapters[name], pool, given.steps))
                print(json.dumps(rows[-1]), flush=True)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        about = {"commit": commit(), "torch": torch.__version__, "machine": platform.machine(), "steps": given.steps}
        given.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
