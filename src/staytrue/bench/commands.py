"""``staytrue bench``: the verbs of the benchmark. Nothing heavy is imported before one of them runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from staytrue.bench import COMPARED

if TYPE_CHECKING:
    from staytrue.bench.minibench import Asked

bench_app = typer.Typer(
    help="Compare recipes on the bundled subjects: the same prompts, seeds and judges for all.", no_args_is_help=True
)

Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="section.field=value",
        help="Over the recipes' settings; bench.field=value for the benchmark's own.",
        show_default=False,
    ),
]
Recipes = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe",
        help="A recipe; may be repeated. With a suite, only its arms of this recipe."
        f" Default, without a suite: {' and '.join(COMPARED)}.",
    ),
]
Subjects = Annotated[
    str | None,
    typer.Option(help="tuning, reporting (logged), all, or names with commas. Default: the suite's own, else tuning."),
]
Out = Annotated[Path | None, typer.Option(help="Folder of results; by default benchmarks/results/<suite>.")]
Quick = Annotated[bool, typer.Option("--quick", help="Of what `minibench --quick` has made.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ..., or auto for the best at hand.")]


@bench_app.command()
def minibench(
    overrides: Overrides = None,
    recipe: Recipes = None,
    subjects: Subjects = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, each in a process of its own.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Four subjects, eight prompts, two pictures of each.")] = False,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Train, draw and score what is missing. Run it again to go on."""
    asked = _asked(overrides, subjects, out, (recipe, quick))  # what is wrong with it is said before libraries load
    _quieten()
    from staytrue.bench.minibench import minibench as run

    _name_files(run(asked, jobs, device))


@bench_app.command()
def redteam(
    overrides: Overrides = None,
    subjects: Subjects = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, each in a process of its own.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="One subject, two protections, two pictures a prompt.")
    ] = False,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Protections x defenses: protect, train, draw and score what is missing, then write redteam.json."""
    asked = _asked(overrides, subjects, out, (None, quick))
    _quieten()
    from staytrue.bench.redteam import redteam as run

    _name_files(run(asked, jobs, device))


@bench_app.command(name="minibench-two")
def minibench_two(
    overrides: Overrides = None,
    subjects: Annotated[
        str | None, typer.Option(help="tuning (default), reporting (logged), all, or pairs: dog6+cat2,dog3+can.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Pairs at a time, each in a process of its own.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="One pair, two pictures of each prompt.")] = False,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Two subjects in one picture: train, draw and score what is missing, then make the tables."""
    asked = _asked(overrides, subjects, out, (None, quick))
    _quieten()
    from staytrue.bench.pairs import minibench_two as run

    _name_files(run(asked, jobs, device))


@bench_app.command()
def table(overrides: Overrides = None, subjects: Subjects = None, quick: Quick = False, out: Out = None) -> None:
    """Make the tables and summary.json from the files of results alone."""
    from staytrue.bench.tables import make_tables

    _name_files(make_tables(_asked(overrides, subjects, out, (None, quick))))


@bench_app.command()
def plot(overrides: Overrides = None, subjects: Subjects = None, quick: Quick = False, out: Out = None) -> None:
    """Make the figures from the files of results alone."""
    from staytrue.bench.plots import make_plots

    _name_files(make_plots(_asked(overrides, subjects, out, (None, quick))))


@bench_app.command()
def sheet(
    overrides: Overrides = None,
    recipe: Recipes = None,
    subjects: Subjects = None,
    quick: Quick = False,
    out: Out = None,
) -> None:
    """Put what the recipes drew side by side, a sheet for each subject, from the run folders."""
    asked = _asked(overrides, subjects, out, (recipe, quick))
    from staytrue.bench.sheets import make_sheets

    _name_files(make_sheets(asked))


def _quieten() -> None:
    """The libraries' own progress bars would be drawn over ours."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()


def _name_files(files: Iterable[Path]) -> None:
    for file in files:
        typer.echo(file)


def _asked(
    overrides: list[str] | None,
    subjects: str | None,
    out: Path | None,
    more: tuple[list[str] | None, bool] = (None, False),
) -> Asked:
    """The command line in one value; ``bench.`` assignments are the benchmark's own, all others the recipes'."""
    from staytrue.bench.minibench import Asked
    from staytrue.config import overridden
    from staytrue.recipes import RECIPES
    from staytrue.recipes import recipe as known

    recipes, quick = more
    told = overrides or []
    own = [text for text in told if text.startswith("bench.")]
    bench: dict[str, Any] = overridden({}, own).get("bench", {})
    for name in recipes or ():
        if name not in RECIPES:
            known(name, None)  # type: ignore[arg-type]  # says which there are
    return Asked(
        recipes=tuple(recipes) if recipes else None,
        subjects=subjects,
        out=out,
        quick=quick,
        bench=bench,
        assignments=tuple(t for t in told if t not in own),
    )
