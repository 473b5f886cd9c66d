"""``staytrue bench redteam``: MiniBench on protected photos. The same runner, files of results and judges; one JSON on top.

``redteam.json`` is made from the files of results alone, and the tables from ``redteam.json`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from staytrue.bench import metrics
from staytrue.bench.arms import CLEAN, FULL, UNDEFENDED
from staytrue.bench.look_again import look_again
from staytrue.bench.minibench import Asked, minibench, plan, suites
from staytrue.bench.plan import Setting
from staytrue.bench.protected import controls, is_noise, protect_of
from staytrue.bench.redteam_claims import COMBINATIONS, Cells, Measured, Numbers, claims
from staytrue.bench.results import Record, Results, results_in, so_far
from staytrue.bench.suites import Suite
from staytrue.errors import ConfigError
from staytrue.opening import resolved_device
from staytrue.protect.config import Protect
from staytrue.purify.spandrel_file import spandrel
from staytrue.runs import read_json, write_json

SUITE = Path("benchmarks/suites/redteam.toml")
DIGITS = 5


def redteam(asked: Asked, jobs: int = 1, device: str = "auto") -> list[Path]:
    """Looks again where the inspection has changed, runs what is missing, then writes ``redteam.json``, whatever failed.

    Args:
        asked: what to run; without ``bench.suite`` it is ``benchmarks/suites/redteam.toml``.
        jobs: processes at a time.
        device: of all of them.

    Returns:
        The files of results, and the summary.

    Raises:
        ConfigError: the suite has no protections.
        MissingExtraError: the inspection's limits need a restorer that cannot be read here.
        StaytrueError: some runs failed; the others are kept and summarized.
    """
    asked = asked if asked.settings.suites else replace(asked, bench={**(asked.bench or {}), "suite": str(SUITE)})
    plans = [plan(suite, asked) for suite in suites(asked)]
    if without := [p.suite.name for p in plans if p.suite.redteam is None]:
        raise ConfigError(f"{', '.join(without)} has no protections; `staytrue bench minibench` runs it")
    if any(_inspects_with_restorer(one) for p in plans for one in p.settings):
        spandrel()  # without it photos under Glaze and MetaCloak would look ordinary, and the AUC be another
    look_again(plans, resolved_device(device))
    files = []
    try:
        files = minibench(asked, jobs, device)
    finally:
        for one in plans:
            out = one.settings[0].out
            if any(so_far(s) for s in one.settings):
                keys = {s.variant.label: s.key for s in one.settings}
                files.append(write_redteam(out, one.suite, [m.name for m in one.members], keys))
    return files


def _inspects_with_restorer(one: Setting) -> bool:
    own = one.config.backbone.facts().is_miniature
    return own and one.config.inspect.deep(own) == "model"


def write_redteam(out: Path, suite: Suite, names: Sequence[str], keys: Mapping[str, str] | None = None) -> Path:
    """Makes ``redteam.json`` from the files of results of a folder.

    A file made under other settings, such as another radius, is no cell of this grid: it is left out, and named under "left_out".

    Args:
        out: the folder.
        suite: what it was run for.
        names: of the subjects.
        keys: of every variant's settings, by label; None takes those that the summary was last made with.

    Raises:
        ConfigError: there are no results to make it from.
    """
    file = summary_file(out)
    if keys is None:
        keys = read_json(file).get("keys") if file.is_file() else None
    found = results_in(out)
    left_out = [r.label for r in found if keys is not None and r.header["key"] != keys.get(r.label)]
    results = [r for r in (r.of(names) for r in found if r.label not in left_out) if r.records]
    if not results:
        other = f" and {len(left_out)} files were made under other settings" if left_out else ""
        raise ConfigError(
            f"no results in {out} are on these subjects: {', '.join(names)}{other}; name others with --subjects"
        )
    about = {"keys": keys, "left_out": left_out}
    write_json(file, redteam_summary(results, suite) | about)
    return file


def summary_file(out: Path) -> Path:
    """Beside its folder of results: ``benchmarks/results/redteam.json``."""
    return out.parent / f"{out.name}.json"


def redteam_summary(results: Sequence[Results], suite: Suite | None = None) -> dict[str, Any]:
    """The content of ``redteam.json``.

    Args:
        results: by cell.
        suite: what they are of: a claim about every attack waits for all of its attacks. None asks for those that were run.

    Returns:
        ``{"undefended_loss": {P: share}, "gap_closed": {P: share or None}, "clean_cost": share, "inspection_auc": number, ...}``:
        of the average score, the mean over subjects of the mean over seeds, on the runs that both or all three have. A number is
        None where it has not been run or means nothing, and "why_none" says which. "same_sampling" has the first three again
        with the full defense's sampling on all sides, so what sampling does for everybody is nobody's merit.
    """
    cells = {(r.header["protection"], r.header["defense"]): r for r in results}
    averages = {cell: per_run(r, average) for cell, r in cells.items()}
    protections = {p: protect_of(r.header["protect"]) for (p, _), r in cells.items() if p != CLEAN}
    why: dict[str, str] = {}
    why_same: dict[str, str] = {}
    inspected = _inspection(cells, protections, why)
    found = _shares(averages, protections, UNDEFENDED, why)
    return found | {
        "inspection_auc": inspected["auc"],
        "same_sampling": _shares(averages, protections, "sample", why_same),
        "why_none": why | {f"same_sampling.{name}": reason for name, reason in why_same.items()},
        "bites_at": metrics.BITES,
        "scores": [_row(cell, r) for cell, r in cells.items()],
        "ablation": [p for p in (CLEAN, *protections) if all((p, c) in cells for c in COMBINATIONS)],
        "inspection": inspected,
        "claims": claims(_measured(cells, protections, suite)),
        "protect": {p: r.header["protect"] for (p, d), r in cells.items() if d == UNDEFENDED},
        "defenses": {d: r.header["set"] for (_, d), r in cells.items()},
        "cpu_minutes": suite.cpu_minutes if suite else None,
        "judges": results[0].header["judges"],
        "backbone": results[0].header["backbone"],
        "quality_calibration": results[0].records[0]["redteam"]["quality_calibration"],
        "distance": results[0].records[0]["redteam"]["distance"],
    }


def average(record: Record) -> float | None:
    """The average score of a run: half likeness to held-out photos, half quality. None where quality has none."""
    identity, quality = _mean(_column(record, "identity_heldout")), _mean(record["redteam"]["quality"])
    return None if identity is None or quality is None else metrics.average_score(identity, quality)


def paper_average(record: Record) -> float | None:
    """The same as the paper weighs it."""
    of_paper = _mean(record["redteam"]["identity_thresholded"])
    identity, quality = _mean(_column(record, "identity_heldout")), _mean(record["redteam"]["quality"])
    if identity is None or quality is None or of_paper is None:
        return None
    return metrics.paper_average(identity, of_paper, quality)


COLUMNS: dict[str, Callable[[Record], float | None]] = {
    "average": average,
    "identity": lambda r: _mean(_column(r, "identity_heldout")),
    "identity_thresholded": lambda r: _mean(r["redteam"]["identity_thresholded"]),
    "quality": lambda r: _mean(r["redteam"]["quality"]),
    "average_paper": paper_average,
    "to_clean": lambda r: _mean(r["redteam"]["to_clean"]),
    "protecting_s": lambda r: r["redteam"]["protecting_s"],
    "cleaning_s_per_photo": lambda r: r["redteam"]["cleaning_s_per_photo"],
    "run_s": lambda r: None if None in r["seconds"].values() else sum(r["seconds"].values()),
}


def per_run(results: Results, of: Callable[[Record], float | None]) -> Numbers:
    """One number for each (subject, seed) that has it."""
    found = {(r["subject"], r["seed"]): of(r) for r in results.records}
    return {run: value for run, value in found.items() if value is not None}


def _measured(
    cells: Mapping[tuple[str, str], Results], protections: Mapping[str, Protect], suite: Suite | None
) -> Measured:
    """What claims are about."""
    tried = {r.header["defense"]: r.header["set"] for r in cells.values()}
    of = {
        name: {c: per_run(r, COLUMNS[name]) for c, r in cells.items()}
        for name in ("average", "to_clean", "cleaning_s_per_photo")
    }
    designs = {record["subject"]: record["design"] for r in cells.values() for record in r.records}
    return Measured(
        of["average"],
        of["to_clean"],
        of["cleaning_s_per_photo"],
        designs,
        protections,
        tried,
        suite.redteam if suite else None,
    )


def shared_means(*columns: Numbers) -> list[float] | None:
    """The mean of each over the runs that all have: over seeds first, then over subjects. None where they share none."""
    runs = set.intersection(*(set(column) for column in columns))
    if not runs:
        return None
    subjects = sorted({subject for subject, _ in runs})
    return [float(np.mean([np.mean([c[run] for run in runs if run[0] == s]) for s in subjects])) for c in columns]


def _shares(cells: Cells, protections: Iterable[str], reference: str, why: dict[str, str]) -> dict[str, Any]:
    """The three numbers of the issue, with what stands for "undefended"."""
    clean: Numbers = cells.get((CLEAN, reference), {})
    losses: dict[str, float | None] = {}
    gaps: dict[str, float | None] = {}
    for p in protections:
        attacked, defended = cells.get((p, reference), {}), cells.get((p, FULL), {})
        two, three = shared_means(clean, attacked), shared_means(clean, attacked, defended)
        losses[p] = _rounded(metrics.loss(*two)) if two else None
        gaps[p] = _rounded(metrics.gap_closed(*three)) if three else None
        if gaps[p] is None:
            why[f"gap_closed.{p}"] = _why(metrics.loss(*three[:2]) if three else losses[p], reference)
    both = shared_means(clean, cells.get((CLEAN, FULL), {}))
    if not both:
        why["clean_cost"] = (
            f"the clean photos have not been run {_how(reference)} and with the full defense, or have no average score"
        )
    return {
        "undefended_loss": losses,
        "gap_closed": gaps,
        "clean_cost": _rounded(metrics.loss(*both)) if both else None,
    }


def _why(loss: float | None, reference: str) -> str:
    """Why there is no gap, by what the attack costs: of the runs with the full defense, where there are any."""
    how = _how(reference)
    if loss is None:
        return f"not run {how} on a subject whose clean photos were, or without average score"
    if loss < metrics.BITES:
        run = f"{how} run" if reference == UNDEFENDED else f"run {how}"
        return f"the attack costs the {run} {loss:.1%}, below {metrics.BITES:.0%}"
    return f"not run with the full defense on a subject that was run {how}, or without average score"


def _how(reference: str) -> str:
    return "undefended" if reference == UNDEFENDED else f"with `{reference}` alone"


def _inspection(
    cells: Mapping[tuple[str, str], Results], protections: Mapping[str, Protect], why: dict[str, str]
) -> dict[str, Any]:
    """How well the inspection tells protections that its limits were not made from, at the radius of the random noise.

    Negatives are clean photos, JPEG 75 and that noise.
    """
    seen = {p: r for (p, d), r in cells.items() if d == UNDEFENDED}
    known = {n for r in seen.values() for rec in r.records for n in rec["redteam"]["inspection"]["calibrated_on"]}
    noises = controls(protections)
    quiet = {p: _suspicions(r) for p, r in seen.items() if p not in noises}
    if CLEAN in seen:
        quiet["jpeg 75"] = _suspicions(seen[CLEAN], "suspicion_jpeg")
    negatives = [value for values in quiet.values() for value in values]
    unseen = [p for p in seen if p in noises and protections[p].method.name not in known]
    apart = [p for p in unseen if noises[p] is None and any(map(is_noise, protections.values()))]
    alarms = {p: _suspicions(seen[p]) for p in unseen if p not in apart}
    positives = [value for values in alarms.values() for value in values]
    if not positives or not negatives:
        why["inspection_auc"] = (
            "the limits have no measure of perturbation, or no protection that they were not made from was run"
        )
    return {
        "auc": _rounded(metrics.auc(positives, negatives)) if positives and negatives else None,
        "by_protection": {p: _rounded(metrics.auc(v, negatives)) for p, v in alarms.items() if v and negatives},
        "false_alarms": {p: _rounded(float(np.mean(np.array(v) >= 1))) for p, v in quiet.items() if v},
        "calibrated_on": sorted(known),
        "other_radius": apart,
        "photos": len(positives) + len(negatives),
    }


def _suspicions(results: Results, part: str = "suspicion") -> list[float]:
    values = [v for record in results.records for v in record["redteam"]["inspection"].get(part, ())]
    return [v for v in values if v is not None]


def _row(cell: tuple[str, str], results: Results) -> dict[str, Any]:
    row: dict[str, Any] = {"protection": cell[0], "defense": cell[1], "runs": len(results.records)}
    for name, of in COLUMNS.items():
        means = shared_means(per_run(results, of))
        row[name] = _rounded(means[0]) if means else None
    return row


def _column(record: Record, name: str) -> list[float | None]:
    place = record["columns"].index(name)
    return [row[place] for row in record["images"]]


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are numbers, as the paper drops others; None where none is."""
    numbers = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(numbers)) if numbers else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
