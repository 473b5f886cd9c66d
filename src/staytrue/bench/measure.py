"""One task: train, draw, judge; returns a record for each of its settings."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from staytrue.bench.attacked import Attacked, attacked_scores
from staytrue.bench.judge import Drawn, Judges, judged
from staytrue.bench.memory import peak_mb, start_peak
from staytrue.bench.plan import Setting, Task, beside, judge_specs, protection, run_config, strip_file, weights_of
from staytrue.bench.prompts import Asked, class_prompts, suite_prompts, suite_words
from staytrue.bench.real import REAL, real_photos
from staytrue.bench.results import STAGES, Record
from staytrue.bench.strips import strip
from staytrue.bench.words import words_of
from staytrue.config import RunConfig
from staytrue.encoders.judges import is_miniature
from staytrue.errors import StaleTrainingError, UnreadableRunError
from staytrue.generate.prompts import fill
from staytrue.generate.seeds import picture_seed
from staytrue.images.metadata import png_bytes
from staytrue.opening import commit, resolved_device, saved_config, versions
from staytrue.pipeline import run
from staytrue.regularize.base import Planned
from staytrue.regularize.draw import Job, draw_missing, recipe
from staytrue.regularize.store import ClassImageStore
from staytrue.runs import RunFolder, read_json, read_jsonl, write_bytes, write_json
from staytrue.types import Caption, Picture, Sample, with_suffix

if TYPE_CHECKING:
    from staytrue.encoders.clip import ClipJudge
    from staytrue.encoders.dino import DinoJudge

DIGITS = 5


def measure(task: Task, device: str) -> list[Record]:
    """Runs a task in its folder, where an interrupted one goes on, and scores what it drew.

    Returns:
        For each setting: subject, seed, every score of every picture, seconds by stage, peak memory.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    with (task.folder / "log.txt").open("a") as log, redirect_stderr(log):
        for one in task.settings:
            if not (file := task.record(one)).is_file():
                write_json(file, _one(task, one, resolved_device(device)))
    return [read_json(task.record(one)) for one in task.settings]


def _one(task: Task, one: Setting, device: str) -> Record:
    config = run_config(task, one)
    if made := protection(task, one):
        made.make(device)  # done before, unless this is called alone
    start_peak(device)
    subject = task.member.subject  # judged by all of its photos, whatever it was trained on
    real = one.variant.arm.recipe == REAL
    here = RunFolder(task.folder)
    before = _written(here)
    if not real:  # rights: the photos are bundled, and what they are protected with was put there by this benchmark
        _trained(config, here, device)
    started = time.monotonic()
    drawn = real_photos(subject) if real else _drawn(here, config, task, one, device)
    write_bytes(strip_file(one, task.member, task.seed), png_bytes(strip([p[0] for p in drawn.pictures]), {}))
    judges = open_judges(*judge_specs(config), only_drawn(config), device)
    scores = judged(judges, subject, drawn)
    texts = _trained_texts(here)
    more: dict[str, Any] = {}
    if one.variant.arm.defense:
        more["redteam"] = attacked_scores(here, Attacked(task, one, config, made), drawn, judges)
    if one.bench.words and not real:
        more |= words_of(here, config, device)
    return {
        "subject": subject.name,
        "class_noun": subject.class_noun,
        "split": task.member.split,
        "design": task.member.design,
        "seed": task.seed,
        "device": device,
        "commit": commit(),
        "versions": versions(),
        "judges": about_judges(judges),
        "seconds": _seconds(here, before) | {"scoring": round(time.monotonic() - started, 3)},
        "peak_memory_mb": peak_mb(device),
        "prompts": [_about(asked, texts) for asked in drawn.asked],
        **rounded(more),
        **rounded(_without_itself(scores) if real else scores),
    }


def _trained(config: RunConfig, here: RunFolder, device: str) -> None:
    """Trains and draws. What another version or place of the code began and this one cannot continue starts over: it is ours."""

    def go_on() -> None:
        # raises where another version wrote it
        if here.config.is_file() and saved_config(here.root).subjects != config.subjects:
            raise StaleTrainingError("the photos were elsewhere")  # all else of a subject is in the folder's name
        run(config, here.root, device, until="generate", rights=True)

    try:
        go_on()
    except (StaleTrainingError, UnreadableRunError) as error:
        print(f"starting over: {error}", file=sys.stderr)  # into the run's log
        shutil.rmtree(here.training, ignore_errors=True)
        here.config.unlink(missing_ok=True)
        go_on()


@cache
def open_judges(clip: ClipJudge, dino: DinoJudge, only_drawn: bool, device: str) -> Judges:
    """The judges with weights: once in a process, whose memory of embeddings then serves every run."""
    return Judges(clip.load(device), dino.load(device), only_drawn)


def seen(asked: Asked, texts: Iterable[str]) -> dict[str, bool]:
    """For each condition, whether its word occurs in any text that the run was trained with.

    By the word ("a crown"), not by the sentence, so that a guard that keeps only whole prompts out of the class set does not
    count as one. A word counts wherever it occurs: "red" was seen in "a red scarf", too.
    """
    words = {slot: asked.word(slot, suite_words()) for slot in asked.conditions}
    texts = list(texts)
    return {slot: any(re.search(rf"\b{re.escape(w)}\b", text) for text in texts) for slot, w in words.items()}


def _asked(task: Task, one: Setting) -> list[Asked]:
    return suite_prompts(task.member.subject, one.bench.lists, one.bench.prompts)


def about_judges(judges: Judges) -> dict[str, Any]:
    """What each judge is, with the hash of its weights."""
    both = (("clip", judges.clip), ("dino", judges.dino))
    return {name: {"judge": judge.judge, "sha256": judge.sha256} for name, judge in both}


def seconds_of(here: RunFolder) -> dict[str, float]:
    """Of every stage that a run has finished."""
    files = {name: getattr(here, name) / "manifest.json" for name in STAGES}
    return {name: read_json(file)["duration_s"] if file.is_file() else 0.0 for name, file in files.items()}


def _seconds(here: RunFolder, before: dict[Path, int]) -> dict[str, float | None]:
    """The same; of the pictures None where some of an earlier setting or process were kept, whose seconds nobody knows."""
    kept = before.items() & _written(here).items()
    return {name: None if name == "images" and kept else value for name, value in seconds_of(here).items()}


def _written(here: RunFolder) -> dict[Path, int]:
    """When each picture of a run was written."""
    return {file: file.stat().st_mtime_ns for file in here.images.glob("*/*/*.png")}


def _without_itself(scores: dict[str, Any]) -> dict[str, Any]:
    """A photo is among the photos it would be compared with."""
    place = scores["columns"].index("identity_train")
    return scores | {"images": [[None if i == place else v for i, v in enumerate(row)] for row in scores["images"]]}


def _about(asked: Asked, texts: Iterable[str]) -> dict[str, Any]:
    row = {"id": asked.id, "list": asked.list, "kind": asked.kind, "text": asked.template()}
    return row | {"seen": seen(asked, texts)}


def _trained_texts(here: RunFolder) -> list[str]:
    """Every different text of the photos and class images."""
    files = (here.captions / "captions.jsonl", here.regularization / "samples.jsonl")
    rows = [row for file in files if file.is_file() for row in read_jsonl(file, Sample)]
    return list(dict.fromkeys(row.caption.render() for row in rows))


def _drawn(here: RunFolder, config: RunConfig, task: Task, one: Setting, device: str) -> Drawn:
    """The pictures of the run by prompt, and the base model's beside those that do not name the subject."""
    rows = read_jsonl(here.images / "images.jsonl", Picture)
    by_prompt: dict[int, list[Image.Image]] = {}
    for row in rows:
        by_prompt.setdefault(int(Path(row.file).name.partition("-")[0]), []).append(_read(here.images / row.file))
    asked, texts = _asked(task, one), beside(one.bench, task.member.subject)
    of_class = class_prompts(task.member.subject)  # the first of them, if they are drawn
    base = _base(here.root.parent, config, texts, device) if texts else []
    tuned = [by_prompt[place] for place in range(len(asked), len(by_prompt))]
    pairs = [list(zip(mine, theirs, strict=True)) for mine, theirs in zip(tuned, base, strict=True)]
    flat = [[pair for some in part for pair in some] for part in (pairs[: len(of_class)], pairs[len(of_class) :])]
    return Drawn(asked, [by_prompt[place] for place in range(len(asked))], flat[0], flat[1])


def _base(runs: Path, config: RunConfig, texts: Sequence[str], device: str) -> list[list[Image.Image]]:
    """What the untrained model draws for the same prompts from the same noise; drawn once for all recipes, subjects and seeds."""
    generate, facts = config.generate, config.backbone.facts()
    store = ClassImageStore(runs / "base-images")
    identity = weights_of(config.backbone)
    job = Job(
        config.backbone, identity, facts.resolution_px, generate.sampling, store, keep_latents=False, device=device
    )
    subject = config.subjects[0]
    noun, suffix = subject.class_noun, generate.suffix
    planned = [
        [
            Planned(Caption(noun=noun, text=with_suffix(text, suffix)), picture_seed(generate.seed, plain, number))
            for number in range(generate.images_per_prompt)
        ]
        for text, plain in ((text, fill(text, subject).plain) for text in texts)
    ]
    draw_missing(job, [p for some in planned for p in some])
    return [[_read(store.picture(recipe(job, p))) for p in some] for some in planned]


def only_drawn(config: RunConfig) -> bool:
    """Whether a judge of the miniature's is asked, which knows its drawn world alone."""
    facts, metrics = config.backbone.facts(), config.evaluate.metrics
    return any(is_miniature(getattr(metrics.get(name), "judge", "auto"), facts) for name in ("clip_i", "dino"))


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def rounded(value: Any) -> Any:
    """Numbers short enough to keep in git; NaN as null."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    if isinstance(value, float):
        return None if value != value else round(value, DIGITS)
    return value
