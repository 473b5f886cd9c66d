"""``staytrue bench minibench-two``: two subjects in one picture, learned by one training or by two.

The same files of results, judges and means as everywhere; a pair stands where a subject does.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console

from staytrue.bench.arms import Arm
from staytrue.bench.measure import about_judges, only_drawn, open_judges, rounded, seconds_of
from staytrue.bench.memory import peak_mb, start_peak
from staytrue.bench.minibench import QUICK_BENCH, RESULTS, Asked, crew_of, name_replaced, note_looks
from staytrue.bench.plan import Setting, judge_specs, plain_subject, setting
from staytrue.bench.results import STAGES, SUMMARY, Record, add, results_in, so_far
from staytrue.bench.suites import Variant, bench_of
from staytrue.bench.summary import as_json, summary
from staytrue.bench.tables import comparison
from staytrue.bench.two import COLUMNS, Pair, PairArm, TwoSuite, judged_pair, read_two
from staytrue.config import parse, values_of
from staytrue.errors import ConfigError, StaytrueError
from staytrue.generate.config import LoraSource
from staytrue.generate.guides import together
from staytrue.generate.personalized import personalize
from staytrue.generate.prompts import Prompt
from staytrue.generate.sampling import Request, draw
from staytrue.generate.seeds import picture_seed
from staytrue.images.grid import contact_sheet
from staytrue.images.metadata import png_bytes
from staytrue.opening import commit, resolved_device, versions
from staytrue.pipeline import run
from staytrue.runs import RunFolder, fingerprint, write_bytes, write_text
from staytrue.types import Subject, with_suffix

SUITE = Path("benchmarks/suites/minibench-two.toml")
METRICS = COLUMNS[2:]


@dataclass(frozen=True)
class PairTask:
    """One pair, one seed, one way to learn it.

    Attributes:
        pair: whom.
        seed: of the training, or of both.
        arm: how.
        setting: the arm's recipe, resolved.
        asked: prompts.
    """

    pair: Pair
    seed: int
    arm: PairArm
    setting: Setting
    asked: tuple[Prompt, ...]

    @property
    def title(self) -> str:
        return f"{self.pair.name}, seed {self.seed}: {self.arm.label}"

    @property
    def trainings(self) -> list[tuple[Path, tuple[Subject, ...]]]:
        """Each training's folder and subjects."""
        casts = [(s,) for s in self.pair.subjects] if self.arm.apart else [self.pair.subjects]
        return [(self._folder(cast), cast) for cast in casts]

    def _folder(self, cast: tuple[Subject, ...]) -> Path:
        about = fingerprint([self.setting.learned, [plain_subject(s) for s in cast]])
        return self.setting.bench.runs / f"{'+'.join(s.name for s in cast)}-s{self.seed}-{about[:12]}"


def minibench_two(asked: Asked, jobs: int = 1, device: str = "auto", log: Path | None = None) -> list[Path]:
    """Runs what is missing, writes each result as it comes, then the tables.

    Args:
        asked: what to run; without ``bench.suite`` it is ``benchmarks/suites/minibench-two.toml``.
        jobs: processes at a time.
        device: of all of them.
        log: folder of the log of looks at reporting subjects; None is ``log_home``'s.

    Returns:
        The files of results, their summary and table.

    Raises:
        StaytrueError: of what was asked; or, after everything else is done, that some runs failed.
    """
    files: list[Path] = []
    console = Console(stderr=True, highlight=False)
    for path in asked.settings.suites or (SUITE,):
        suite = read_two(path)
        which = asked.subjects or ("dog6+cat2" if asked.quick else "tuning")
        pairs, settings = suite.chosen(which), settings_of(suite, asked)
        todo = tasks(suite, pairs, settings)
        if any(p.split == "reporting" for p in pairs):
            note_looks([s for _, s in settings], console, log)
        console.print(f"[bold]{suite.name}[/bold] {suite.asks} {len(todo)} of {len(pairs) * len(settings)} to do.")
        name_replaced([s for _, s in settings], console)
        crew = crew_of(partial(measure_pair, device=device), settings[0][1].bench, jobs)
        outcome = crew.run(todo, partial(_kept, suite.name))
        if outcome.left:
            console.print(f"The time is up: {outcome.left} pairs are not finished; the same command goes on with them.")
        files += [s.file for _, s in settings if s.file.is_file()]
        if files:
            files += write_tables(settings[0][1].out, which, [p.name for p in pairs])
        if outcome.failed:
            told = "\n".join(f"  {task.title}: {reason}" for task, reason in outcome.failed)
            raise StaytrueError(f"{len(outcome.failed)} of {len(todo)} pairs failed, the others are kept:\n{told}")
    return files


def settings_of(suite: TwoSuite, asked: Asked) -> list[tuple[PairArm, Setting]]:
    """Every arm, resolved; the wording and the way of learning are part of what its scores depend on.

    Raises:
        ConfigError: a setting is wrong, or two arms learn the same: they would train in one folder at a time.
    """
    quick: dict[str, Any] = QUICK_BENCH if asked.quick else {}
    bench = bench_of({**suite.bench, **quick, **(asked.bench or {})})
    out = asked.out or (bench.runs / "results" if asked.quick else RESULTS) / suite.name
    found = []
    for arm in suite.arms:
        one = setting(
            Variant(arm.label, Arm(label=arm.label, recipe=arm.recipe), {}, (*arm.set, *asked.assignments)), bench, out
        )
        key = fingerprint([one.key, suite.prompts, suite.identifiers, arm.apart])
        found.append((arm, replace(one, key=key)))
    learned = [(one.learned, arm.apart) for arm, one in found]
    if twice := [arm.label for (arm, _), what in zip(found, learned, strict=True) if learned.count(what) > 1]:
        raise ConfigError(f"{suite.name}: these arms learn the same, and pairs share no trainings: {', '.join(twice)}")
    return found


def tasks(suite: TwoSuite, pairs: Sequence[Pair], settings: Sequence[tuple[PairArm, Setting]]) -> list[PairTask]:
    """What is missing: seed by seed, pair by pair."""
    done = {one.file: {(r["subject"], r["seed"]) for r in so_far(one)} for _, one in settings}
    return [
        PairTask(pair, seed, arm, one, tuple(suite.asked(pair, one.bench)))
        for seed in settings[0][1].bench.seeds
        for pair in pairs
        for arm, one in settings
        if (pair.name, seed) not in done[one.file]
    ]


def measure_pair(task: PairTask, device: str) -> Record:
    """Trains, draws and scores one pair; the pictures stay in its first training's folder."""
    device = resolved_device(device)
    start_peak(device)
    first = task.trainings[0][0]
    first.mkdir(parents=True, exist_ok=True)
    with (first / "log.txt").open("a") as log, redirect_stderr(log):
        here = [_trained(task, folder, cast, device) for folder, cast in task.trainings]
        started = time.monotonic()
        pictures = _drawn(task, here, device)
        drawn = time.monotonic()
        config = task.setting.config
        judges = open_judges(*judge_specs(config), only_drawn(config), device)
        images = judged_pair(judges, task.pair, task.asked, pictures)
    seconds = [seconds_of(run_folder) for run_folder in here]
    return {
        "subject": task.pair.name,
        "apart": task.arm.apart,
        "split": task.pair.split,
        "design": task.pair.design,
        "seed": task.seed,
        "device": device,
        "commit": commit(),
        "versions": versions(),
        "judges": about_judges(judges),
        "seconds": {stage: round(sum(s[stage] for s in seconds), 3) for stage in STAGES}
        | {"images": round(drawn - started, 3), "scoring": round(time.monotonic() - drawn, 3)},
        "peak_memory_mb": peak_mb(device),
        "prompts": [
            {"id": f"two/{i:02d}", "list": "prompts", "kind": "pair", "text": p.text, "seen": {}}
            for i, p in enumerate(task.asked)
        ],
        "columns": list(COLUMNS),
        "images": rounded(images),
    }


def _trained(task: PairTask, folder: Path, cast: Sequence[Subject], device: str) -> RunFolder:
    subjects = [s.model_dump(mode="json") for s in cast]
    config = parse(values_of(task.setting.config) | {"subjects": subjects, "seed": task.seed})
    # rights: the photos are bundled
    return run(config, folder, device, until="train", rights=True)


def _drawn(task: PairTask, here: Sequence[RunFolder], device: str) -> list[list[Image.Image]]:
    """The pictures of each prompt, from the same noise for every arm; a sheet of them is left beside the first training."""
    generate, number = task.setting.config.generate, task.setting.bench.images_per_prompt
    backbone = task.setting.config.backbone.load(device)
    personalize(backbone, here[0].model, [LoraSource(path=other.root) for other in here[1:]])
    requests = [
        Request(
            with_suffix(p.text, generate.suffix),
            picture_seed(generate.seed, p.plain, n),
            tuple((s.identifier, s.class_noun) for s in p.named),
            p.plain,
        )
        for p in task.asked
        for n in range(number)
    ]
    guide = together(generate.guides.values(), backbone, lambda: task.setting.config.backbone.load(device))
    images = list(draw(backbone, requests, generate.sampling, guide=guide))
    sheet = contact_sheet(images, [r.prompt for r in requests], columns=2 * number)
    name = f"{task.pair.name}-{'apart' if task.arm.apart else 'together'}.png"
    write_bytes(here[0].root / name, png_bytes(sheet))
    return [images[start : start + number] for start in range(0, len(images), number)]


def _kept(suite: str, task: PairTask, record: Record) -> None:
    add(task.setting, suite, record)
    if not task.setting.bench.keep_models:
        for folder, _ in task.trainings:
            shutil.rmtree(RunFolder(folder).training, ignore_errors=True)
    Console(stderr=True, highlight=False).print(f"  {task.title}")


def write_tables(out: Path, which: str, names: Sequence[str]) -> list[Path]:
    """``summary.json`` and ``table.md`` inside a folder of results, from its files alone."""
    results = [r for r in (r.of(names) for r in results_in(out)) if r.records]
    if not results:
        return []
    write_text(out / SUMMARY, as_json(summary(results, METRICS)))
    write_text(out / "table.md", comparison(results, which, METRICS))
    return [out / SUMMARY, out / "table.md"]
