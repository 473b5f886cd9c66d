"""The section ``bench`` of a suite file, and of ``bench.field=value`` on the command line."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from staytrue.bench.prompts import ListName
from staytrue.registry import component


@component
class Bench:
    """What is drawn and judged, and how the work is spread.

    Attributes:
        suite: files of ``benchmarks/suites`` to run, or their arms of the recipes named by ``--recipe``; none runs these recipes.
        lists: which lists of prompts: "prompts" (25), "rephrased" (the same 25 in other words), "two-conditions" (10) and
            "identifier-first" (three colors, after the identifier) and "portraits" (two that ask for nothing else). Tables are
            of "prompts", so it must be among them; the red team has tables of its own.
        images_per_prompt: pictures of each prompt.
        beside: whether pictures of the class and of other classes are drawn, too; ``class_leakage`` and ``drift`` are of them.
        words: whether ``phrase_distance`` and ``class_attention`` of each trained model are measured, too.
        prompts: of each list, only so many, spread over its kinds; None for all.
        seeds: of training; each draws its own class images and is its own training. Headline contrasts need two.
        runs: where the run folders are, with the class images that they share.
        keep_models: whether trained weights stay in the run folders once they are judged.
        minutes: stop after so long; what is not finished goes on with the same command. None for no limit.
        threads: of each of the ``--jobs`` processes; None shares the cores evenly, and leaves a single job torch's own choice.
        label: name of the result, without a suite; None is the recipe's, and the settings that differ from it.
        into: Markdown file whose block between ``<!-- minibench: -->`` and ``<!-- end of minibench -->`` gets a short table.
    """

    suite: tuple[Path, ...] | Path = ()
    lists: tuple[ListName, ...] = Field(default=("prompts",), min_length=1)
    images_per_prompt: int = Field(default=4, ge=1)
    beside: bool = True
    words: bool = False
    prompts: int | None = Field(default=None, ge=1)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    runs: Path = Path("runs/minibench")
    keep_models: bool = False
    minutes: float | None = Field(default=None, gt=0)
    threads: int | None = Field(default=None, ge=1)
    label: str | None = None
    into: Path | None = None

    @property
    def suites(self) -> tuple[Path, ...]:
        """The suite files, one or several."""
        return (self.suite,) if isinstance(self.suite, Path) else self.suite
