"""``staytrue bench minibench``: from names of recipes, or suite files, to files of results."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from staytrue.bench import COMPARED
from staytrue.bench.arms import Arm
from staytrue.bench.plan import Setting, Task, protection, setting, tasks
from staytrue.bench.prompts import MAIN_LIST
from staytrue.bench.protected import Protecting
from staytrue.bench.results import add, in_the_way, log_reporting, so_far
from staytrue.bench.settings import Bench
from staytrue.bench.subjects import QUICK, Member, chosen
from staytrue.bench.suites import MAIN, Suite, bench_of, file_name, read_suite, require_chosen, variants
from staytrue.bench.workers import Crew
from staytrue.config import overridden
from staytrue.errors import ConfigError, StaytrueError
from staytrue.opening import checkout
from staytrue.runs import RunFolder

RESULTS = Path("benchmarks/results")
TUNING, REPORTING = "tuning", "reporting"
QUICK_BENCH = {"prompts": 8, "images_per_prompt": 2, "seeds": (0,), "runs": Path("runs/minibench-quick")}
# 100 class images are the smallest set that the paper finds to stop overfitting (figure 8)
QUICK_MOST = {"regularize.count": 100, "train.steps": 200}


@dataclass(frozen=True)
class Asked:
    """What the command line says.

    Attributes:
        recipes: names; None is those of ``COMPARED``, or all of a suite's.
        subjects: as ``--subjects``; None is what ``subjects_of`` says.
        out: folder of results; None is ``benchmarks/results/<suite>``.
        quick: four subjects, a few prompts.
        bench: ``bench.field=value``, unchecked.
        assignments: every other ``section.field=value``.
    """

    recipes: tuple[str, ...] | None = None
    subjects: str | None = None
    out: Path | None = None
    quick: bool = False
    bench: dict[str, Any] | None = None
    assignments: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, str]:
        """Key -> value of the assignments, as typed; the last counts."""
        return {key.strip(): value for key, _, value in (text.partition("=") for text in self.assignments)}

    @property
    def settings(self) -> Bench:
        return bench_of(self.bench or {})


@dataclass(frozen=True)
class Planned:
    """A suite, resolved.

    Attributes:
        suite: its file's content.
        settings: its variants.
        members: its subjects.
    """

    suite: Suite
    settings: tuple[Setting, ...]
    members: tuple[Member, ...]


def minibench(asked: Asked, jobs: int = 1, device: str = "auto", log: Path | None = None) -> list[Path]:
    """Runs what is missing, and writes each result as it comes.

    Args:
        asked: what to run.
        jobs: processes at a time; on one GPU they share it.
        device: of all of them.
        log: folder of the log of looks at reporting subjects; None is ``log_home``'s.

    Returns:
        The files of results.

    Raises:
        StaytrueError: of what was asked; or, after everything else is done, that some runs failed.
    """
    plans = [plan(suite, asked) for suite in suites(asked)]
    console = Console(stderr=True, highlight=False)
    work: list[tuple[Planned, Task]] = []
    for one in plans:
        if any(m.split == REPORTING for m in one.members):
            note_looks(one.settings, console, log)
        finished = {s.file: {(r["subject"], r["seed"]) for r in so_far(s)} for s in one.settings}
        missing = tasks(one.settings, one.members, finished)
        work += [(one, task) for task in missing]
        console.print(_announced(one, len(missing), sum(map(len, finished.values()))))
        name_replaced(one.settings, console)
    bench = asked.settings
    started = time.monotonic()
    later: set[Path] = set()  # folders that a later turn trains in

    def done(given: tuple[Planned, Task], records: list[dict[str, Any]]) -> None:
        planned, task = given
        for one, record in zip(task.settings, records, strict=True):
            add(one, planned.suite.name, record)
            task.record(one).unlink(missing_ok=True)
        if not (task.settings[0].bench.keep_models or task.folder in later):
            shutil.rmtree(RunFolder(task.folder).training, ignore_errors=True)  # asked for more, it would train again
        console.print(f"  {(time.monotonic() - started) / 60:6.1f} min  {task.title}")

    _protect(work, (jobs, device, bench), console)
    left, turns = 0, in_turns(work)
    failed: list[tuple[tuple[Planned, Task], str]] = []
    for number, turn in enumerate(turns, start=1):
        later = {task.folder for some in turns[number:] for _, task in some}
        # at least a moment, so that what is left is counted
        minutes = max(1e-3, bench.minutes - (time.monotonic() - started) / 60) if bench.minutes else None
        outcome = crew_of(partial(_measure, device=device), replace(bench, minutes=minutes), jobs).run(turn, done)
        left, failed = left + outcome.left, [*failed, *outcome.failed]
    if left:
        console.print(f"The time is up: {left} trainings are not finished; the same command goes on with them.")
    if failed:
        told = "\n".join(f"  {task.title}: {reason}" for (_, task), reason in failed)
        raise StaytrueError(f"{len(failed)} of {len(work)} trainings failed, the others are kept:\n{told}")
    return [s.file for one in plans for s in one.settings if s.file.is_file()]


def in_turns(work: Sequence[tuple[Planned, Task]]) -> list[list[tuple[Planned, Task]]]:
    """What may be done at the same time: tasks of several suites that train and draw in one folder do so one after the other."""
    turns: dict[int, list[tuple[Planned, Task]]] = {}
    before: Counter[Path] = Counter()
    for one, task in work:
        turns.setdefault(before[task.folder], []).append((one, task))
        before[task.folder] += 1
    return list(turns.values())


def crew_of(work: Callable[[Any], Any], bench: Bench, jobs: int) -> Crew[Any]:
    """Processes that share the cores evenly, unless ``bench.threads`` says otherwise."""
    threads = bench.threads or (max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None)
    return Crew(work, jobs, threads, bench.minutes)


def _protect(work: Sequence[tuple[Planned, Task]], how: tuple[int, str, Bench], console: Console) -> None:
    """Makes all protected photos first, each set once: trainings that need the same one at the same time would make it twice.

    A set that cannot be made fails the trainings on it, which try again and say why.
    """
    jobs, device, bench = how
    sets = {made.folder: made for _, task in work if (made := protection(task, task.settings[0]))}
    missing = [made for folder, made in sets.items() if not (folder / "manifest.json").is_file()]
    if missing:
        console.print(f"{len(missing)} sets of photos to protect first.")
        crew = crew_of(partial(_make, device=device), bench, jobs)
        crew.run(missing, lambda made, _: console.print(f"  {made.title}"))


def suites(asked: Asked) -> list[Suite]:
    """The suite files named, of each the arms of the recipes named; without files one suite of these recipes.

    Raises:
        ConfigError: a suite has no arm of a recipe, or ``bench.label`` would name its results, which their arms do.
    """
    told = asked.settings
    if told.suites and told.label is not None:
        raise ConfigError("bench.label: results of a suite are called as its arms are; leave it out")
    if told.suites:
        return [_of_recipes(read_suite(file), asked.recipes) for file in told.suites]
    label = told.label or " ".join(asked.assignments)
    arms = [Arm(label=" ".join(filter(None, (recipe, label))), recipe=recipe) for recipe in asked.recipes or COMPARED]
    return [Suite(arms=tuple(arms))]


def _of_recipes(suite: Suite, recipes: tuple[str, ...] | None) -> Suite:
    """The suite with its arms of some recipes alone; whole where none are named."""
    if recipes is None:
        return suite
    has = {arm.recipe for arm in suite.compared}
    if strange := [name for name in recipes if name not in has]:
        raise ConfigError(f"--recipe: {suite.name} has no arm of {', '.join(strange)}; it has {', '.join(sorted(has))}")
    redteam = suite.redteam if suite.redteam and suite.redteam.recipe in recipes else None
    return suite.model_copy(
        update={"arms": tuple(arm for arm in suite.arms if arm.recipe in recipes), "redteam": redteam}
    )


def plan(suite: Suite, asked: Asked) -> Planned:
    """A suite with what the command line says on top."""
    require_chosen(suite)
    suite = _grid(suite, asked)
    bench, out, members = bench_for(asked, suite), results_folder(asked, suite), chosen(subjects_of(asked, suite))
    if not suite.redteam and MAIN_LIST not in bench.lists:
        raise ConfigError(
            f'bench.lists: tables are of "{MAIN_LIST}"; name it, too: ["{MAIN_LIST}", "{bench.lists[0]}"]'
        )
    if asked.quick and suite.redteam:
        suite = suite.model_copy(update={"redteam": suite.redteam.fewer()})
    resolved = [setting(v, bench, out) for v in variants(suite, asked.assignments)]
    if asked.quick:
        resolved = [_quicker(one, asked) for one in resolved]
    return Planned(suite, tuple(resolved), members)


def bench_for(asked: Asked, suite: Suite | None) -> Bench:
    """The suite's own settings of the benchmark, those of a quick look over them, and what the command line says over all."""
    own = suite.bench if suite else {}
    return bench_of({**own, **(QUICK_BENCH if asked.quick else {}), **(asked.bench or {})})


def _quick_most(asked: Asked) -> dict[str, int]:
    """What a quick look has at most, without what the command line says."""
    return {key: most for key, most in QUICK_MOST.items() if asked.quick and key not in asked.told}


def _grid(suite: Suite, asked: Asked) -> Suite:
    """The suite with the points that are run: what the command line says, then what a quick look leaves.

    A part of a search chooses nothing.
    """
    cut = _quick_grid(_told_grid(suite, asked), asked)
    return suite if cut.grid == suite.grid else cut.model_copy(update={"choose": False})


def _told_grid(suite: Suite, asked: Asked) -> Suite:
    """The suite with the one value that the command line gives a key of its grid, which every point would have anyway.

    Raises:
        ConfigError: it gives a whole section of which the grid varies a part; points would be called what they are not.
    """
    for key in asked.told:
        if varied := [one for one in suite.grid if one.startswith(f"{key}.")]:
            raise ConfigError(f"{key}: the grid of {suite.name} varies {varied[0]}; give this key alone")
    told = {key: overridden({}, [f"value={value}"])["value"] for key, value in asked.told.items() if key in suite.grid}
    grid = {key: (told[key],) if key in told else values for key, values in suite.grid.items()}
    return suite.model_copy(update={"grid": grid})


def _quick_grid(suite: Suite, asked: Asked) -> Suite:
    """The suite with the points of its grid that a quick look runs, each once and under what it is: several become the same."""
    most = _quick_most(asked)
    grid = {
        key: tuple(dict.fromkeys(min(value, most[key]) for value in values)) if key in most else values
        for key, values in suite.grid.items()
    }
    return suite.model_copy(update={"grid": grid})


def _quicker(one: Setting, asked: Asked) -> Setting:
    """With at most ``QUICK_MOST``, whatever its arm or recipe says."""
    config = one.config
    has = {"regularize.count": getattr(config.regularize, "count", None) or 0, "train.steps": config.train.steps}
    fewer = [f"{key}={most}" for key, most in _quick_most(asked).items() if has[key] > most]
    if not fewer:
        return one
    return setting(replace(one.variant, assignments=(*one.variant.assignments, *fewer)), one.bench, one.out)


def _measure(given: tuple[Planned, Task], device: str) -> list[dict[str, Any]]:
    from staytrue.bench.measure import measure  # and with it torch, which tables do without

    return measure(given[1], device)


def _make(made: Protecting, device: str) -> None:
    from staytrue.opening import resolved_device

    made.make(resolved_device(device))


def note_looks(settings: Sequence[Setting], console: Console, log: Path | None) -> None:
    """Counts looks at reporting subjects, and says how many there have been."""
    count = log_reporting(log or log_home(settings[0].out), settings, time.strftime("%Y-%m-%d"))
    console.print(f"Reporting subjects: the log of looks at them has {count}.")


def log_home(out: Path) -> Path:
    """The folder of the log: the repository's own, wherever results go; where there is none, beside the folder of results."""
    home = checkout()
    return home / RESULTS if home else out.parent


def _announced(one: Planned, missing: int, finished: int) -> str:
    estimate = f"; about {one.suite.cpu_minutes:g} minutes of one core in all" if one.suite.cpu_minutes else ""
    asks = f"{one.suite.asks} " if one.suite.asks else ""
    return f"[bold]{one.suite.name}[/bold] {asks}{finished} runs are there, {missing} trainings to do{estimate}."


def name_replaced(settings: Sequence[Setting], console: Console) -> None:
    """Says before anything is trained which results of other settings will make room, and where they will be."""
    for one in settings:
        if found := in_the_way(one):
            results, aside = found
            told = f"  {one.file.name} holds {len(results.records)} runs of other settings; the first new one moves them to {aside}"
            console.print(told, markup=False, soft_wrap=True)


def subjects_of(asked: Asked, suite: Suite | None) -> str:
    """Whose results a verb makes or reads: those named, else few for a quick look, the suite's own, else those for tuning."""
    if asked.subjects:
        return asked.subjects
    if asked.quick:
        return ",".join(QUICK[:1] if suite and suite.redteam else QUICK)
    return suite.subjects if suite else TUNING


def results_folder(asked: Asked, suite: Suite | None) -> Path:
    """The folder of results; those of a quick look are with its runs."""
    home = bench_for(asked, suite).runs / "results" if asked.quick else RESULTS
    return asked.out or home / (suite.name if suite else MAIN)


def made_in(asked: Asked, out: Path, which: str) -> tuple[Path, Path]:
    """The folder for the summary of results, and that for their tables and figures.

    The main table's are of the reporting subjects: its summary is the headline, beside its folder. What is made of others from
    that folder is kept apart.
    """
    if out.name != MAIN or asked.quick:
        return out, out
    return (out.parent, out) if which == REPORTING else (out / file_name(which), out / file_name(which))


def tabled(asked: Asked) -> Sequence[tuple[Path, Suite | None]]:
    """The folders to make tables of, with the suites they are from."""
    files = asked.settings.suites
    return (
        [(results_folder(asked, s), _grid(s, asked)) for s in map(read_suite, files)]
        if files
        else [(results_folder(asked, None), None)]
    )
