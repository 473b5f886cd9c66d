"""What MiniBench's scores are of pictures that make no mistake, or exactly one.

    python -m benchmarks.experiments.ideal [--subjects all]
    staytrue bench table --subjects all --out benchmarks/results/ideal

The miniature's world can draw a subject under any condition of a prompt (``foundry/world/ideal.py``), which no benchmark of
photos can: my can, in red, on a purple rug. Three kinds of pictures are judged as a recipe's are: what was asked for ("ideal"),
the subject where the prompt was ignored, and another individual of the class that obeys. A recipe above the ideal in a score is
paid for a mistake.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from rich.progress import track

from foundry.world import subjects as world
from foundry.world.ideal import ideal
from foundry.world.rasterize import build
from staytrue.bench.arms import Arm
from staytrue.bench.judge import Drawn, Judges, judged
from staytrue.bench.measure import about_judges, open_judges, rounded
from staytrue.bench.plan import judge_specs, setting
from staytrue.bench.prompts import Asked, suite_prompts
from staytrue.bench.real import REAL
from staytrue.bench.results import STAGES, add
from staytrue.bench.settings import Bench
from staytrue.bench.subjects import Member, chosen, rivals
from staytrue.bench.suites import Variant
from staytrue.opening import commit

OUT = Path("benchmarks/results/ideal")
PICTURES, FIRST = 4, 100  # none of those that ``identity_asked`` compares with
Pictures = list[list[Image.Image]]


def drawings() -> dict[str, Callable[[Member, list[Asked]], Pictures | None]]:
    """Label -> how its pictures are drawn; None where there is nobody to draw."""
    known = {subject.name: subject for subject in world.subjects()}

    def draw(name: str, told: dict[str, str]) -> list[Image.Image]:
        return [Image.fromarray(ideal(known[name], told, FIRST + n)) for n in range(PICTURES)]

    def another(member: Member, asked: list[Asked]) -> Pictures | None:
        others = [other for other in rivals(member.subject) if other.class_noun == member.subject.class_noun]
        return [draw(others[0].name, a.conditions) for a in asked] if others else None

    return {
        "ideal": lambda member, asked: [draw(member.name, a.conditions) for a in asked],
        "prompt ignored": lambda member, asked: [draw(member.name, {})] * len(asked),
        "another of its class": another,
    }


def record(member: Member, asked: list[Asked], pictures: Pictures, judges: Judges) -> dict[str, Any]:
    """What a run of the benchmark would have written of these pictures."""
    return {
        "subject": member.name,
        "class_noun": member.subject.class_noun,
        "split": member.split,
        "design": member.design,
        "seed": 0,
        "device": "cpu",
        "commit": commit(),
        "judges": about_judges(judges),
        "seconds": dict.fromkeys((*STAGES, "scoring"), 0.0),
        "peak_memory_mb": 0.0,
        "prompts": [{"id": a.id, "list": a.list, "kind": a.kind, "text": a.template(), "seen": {}} for a in asked],
        **rounded(judged(judges, member.subject, Drawn(asked, pictures, (), ()))),
    }


def main() -> None:
    """Draws, judges, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", default="all")
    options = parser.parse_args()
    build()
    for label, draw in drawings().items():
        one = setting(Variant(label, Arm(label=label, recipe=REAL)), Bench(images_per_prompt=PICTURES), OUT)
        judges = open_judges(*judge_specs(one.config), only_drawn=True, device="cpu")
        for member in track(chosen(options.subjects), description=label):
            asked = suite_prompts(member.subject, ("prompts",))
            if pictures := draw(member, asked):
                add(one, OUT.name, record(member, asked, pictures, judges))


if __name__ == "__main__":
    main()
