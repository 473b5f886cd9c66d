"""``staytrue bench table``: Markdown from files of results."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console

from staytrue.bench.ceiling import IDEAL, ceiling
from staytrue.bench.choose import choices
from staytrue.bench.fewer import fewer, fewer_pairs
from staytrue.bench.frontier import AXES, frontiers
from staytrue.bench.metrics import LOWER_IS_BETTER
from staytrue.bench.minibench import Asked, made_in, subjects_of, tabled
from staytrue.bench.real import REAL
from staytrue.bench.redteam import summary_file, write_redteam
from staytrue.bench.redteam_tables import redteam_markdown
from staytrue.bench.regret import lacking, regrets, unknown
from staytrue.bench.results import CHOSEN, STAGES, SUMMARY, Results, results_in
from staytrue.bench.settings import Bench
from staytrue.bench.subjects import chosen
from staytrue.bench.suites import Suite, variants
from staytrue.bench.summary import (
    as_json,
    by_condition,
    counted,
    interval,
    means,
    measured,
    of_kind,
    of_list,
    seen_by_any,
    seen_known,
    summary,
)
from staytrue.errors import ConfigError
from staytrue.runs import read_json, write_json, write_text

BEGIN, END = "<!-- minibench:", "<!-- end of minibench -->"
SHOWN = ("identity_heldout", "identity_asked", "clip_t_object", "composition", "conditions")
HEADLINE_SEEDS = 2


def make_tables(asked: Asked) -> list[Path]:
    """Writes ``table.md`` and ``summary.json`` of each folder of results asked for, and ``chosen.json`` of a search.

    Raises:
        ConfigError: no results, none on these subjects, none of the suite's arms, or results that cannot be compared.
    """
    written = []
    for out, suite in tabled(asked):
        if suite is not None and suite.redteam is not None:
            written += _redteam(asked, out, suite)
            continue
        which = subjects_of(asked, suite)
        results = compared(out, suite, which)
        ideal = ceiling(results, out.parent)
        table, found = markdown(results, which, ideal), summary(results)
        if seen := by_condition(results, SHOWN):
            found["seen"] = seen
        if matched := frontiers(results):
            found["frontiers"] = matched
            table += f"\n{matched_table(matched)}\n"
        if suite is not None and any(arm.of for arm in suite.arms):
            found["regret"] = regrets(results, suite)
            table += f"\n{regret_table(found['regret'], unknown(results, suite))}\n"
        home, folder = made_in(asked, out, which)
        write_text(home / SUMMARY, as_json(found))
        write_text(folder / "table.md", table)
        written += [home / SUMMARY, folder / "table.md"]
        if suite is not None and suite.choose and which == suite.subjects:
            require_whole(suite, results, which)
            write_json(out / CHOSEN, choices(results))
            written.append(out / CHOSEN)
        if asked.settings.into is not None:
            fill_block(asked.settings.into, brief(results, which, ideal))
            written.append(asked.settings.into)
    return written


def _redteam(asked: Asked, out: Path, suite: Suite) -> list[Path]:
    """Its summary from the files of results, where there are any; its tables from the summary alone."""
    if out.is_dir() and any(out.glob("*.json")):
        write_redteam(out, suite, [m.name for m in chosen(subjects_of(asked, suite))])
    summary_json = summary_file(out)
    if not summary_json.is_file():
        raise ConfigError(f"neither {summary_json} nor results in {out}; `staytrue bench redteam` makes both")
    text = redteam_markdown(read_json(summary_json))
    write_text(out / "table.md", text)
    if asked.settings.into is not None:
        fill_block(asked.settings.into, text)
    return [summary_json, out / "table.md", *([asked.settings.into] if asked.settings.into else [])]


def compared(out: Path, suite: Suite | None, which: str) -> list[Results]:
    """The results of a folder on some subjects. What has none is named, arms and points, since a table would not miss them.

    Raises:
        ConfigError: there are no results on these subjects, or none of the suite's arms, or they cannot be compared.
    """
    results = on_subjects(results_in(out), which, out)
    have, lack = {r.header["arm"] for r in results}, lacking(results, suite) if suite else {}
    if missing := [one for arm, points in lack.items() for one in (points if arm in have else [arm])]:
        told = f"no results in {out} on the subjects {which!r} are of {', '.join(missing)}"
        if suite and not have & {arm.label for arm in suite.compared}:
            raise ConfigError(
                f"{told}, and the suite has no other arms; `staytrue bench minibench` with the same suite makes them"
            )
        Console(stderr=True, highlight=False).print(f"{told}; the others are shown.", markup=False, soft_wrap=True)
    return results


def on_subjects(results: Sequence[Results], which: str, out: Path) -> list[Results]:
    """The results on some subjects, without those that have none. Raises ``ConfigError`` where none has any."""
    names = [m.name for m in chosen(which)]
    found = [r for r in (r.of(names) for r in results) if r.records]
    if not found:
        there = {record["subject"]: record["split"] for r in results for record in r.records}
        told = [
            f"{split} ({', '.join(s for s in there if there[s] == split)})" for split in dict.fromkeys(there.values())
        ]
        raise ConfigError(
            f"no results in {out} are on the subjects {which!r}; there are some on {' and '.join(told)}: name these with --subjects"
        )
    return found


def require_whole(suite: Suite, results: Sequence[Results], which: str) -> None:
    """Raises ``ConfigError`` unless every setting of a search has every subject and seed: half a search is not an equal one."""
    wanted = set(product((m.name for m in chosen(which)), Bench(**suite.bench).seeds))
    have = {r.label: r.finished for r in results}
    if missing := [v.label for v in variants(suite) if wanted - have.get(v.label, set())]:
        raise ConfigError(f"{suite.name} is not finished, so nothing is chosen yet; missing: {', '.join(missing)}")


def markdown(results: Sequence[Results], which: str, ideal: Results | None = None) -> str:
    """All tables of a folder of results, by kind of prompt beside what ideal pictures score."""
    parts = [comparison(results, which)]
    seen = [
        (f"{m}, {word}", m, seen_by_any(results, was))
        for m in SHOWN
        for word, was in (("seen", True), ("unseen", False))
    ]
    text = (
        "By condition. Seen: prompts that ask only for things that some of these were trained with; unseen: for something that "
        "none was."
    )
    parts += [f"{text}\n\n{_columns(results, seen)}"] if seen_known(results) else []
    parts.append(_guards(results))
    prompts = [p for r in results for record in r.records for p in record["prompts"]]  # kinds differ between subjects
    kinds = list(dict.fromkeys(p["kind"] for p in prompts))
    rows = [*results, *([ideal] if ideal else [])]
    for metric in SHOWN:
        columns = [("all", metric, counted), *((kind, metric, of_kind(kind)) for kind in kinds)]
        parts.append(f"By kind of prompt: {metric}.\n\n{_columns(rows, columns)}")
    lists = list(dict.fromkeys(p["list"] for p in prompts))
    if len(lists) > 1:
        columns = [(f"{m}, {name}", m, of_list(name)) for m in SHOWN for name in lists]
        parts.append("By list of prompts.\n\n" + _columns(results, columns))
    parts.append(_costs(results))
    return "\n\n".join(parts) + "\n"


def brief(results: Sequence[Results], which: str, ideal: Results | None) -> str:
    """For a page that people read: the scores that say most, and the differences of those that train the same weights."""
    columns = [(m, m, counted) for m in (*SHOWN, "drift")]
    rows = [*results, *([ideal] if ideal else [])]
    table = _under(_columns(rows, columns), fewer(rows, (*SHOWN, "drift")))
    adapter = {r.label: r.header["config"]["train"]["adapter"]["name"] for r in results}
    alike = {f"{a}-vs-{b}" for a in adapter for b in adapter if adapter[a] == adapter[b]}
    paired = {pair: row for pair, row in summary(results, SHOWN)["paired"].items() if pair in alike}
    return f"{_about(results, which)}\n\n{table}\n\n{_paired_table(results, paired, SHOWN)}\n"


def matched_table(matched: dict[str, Any]) -> str:
    """Each pair of arms once: who has more identity at the same composition."""
    body = []
    for pair in list(matched)[::2]:
        row = matched[pair]
        note = "" if row["seeds"] >= HEADLINE_SEEDS else " (one seed: no headline)"
        body.append([f"{pair.replace('-vs-', ' - ')}{note}", *(_matched(row.get(up)) for up in AXES)])
    text = "The mean gap between the frontiers of two arms' points, over what both reach (`bench/frontier.py`)."
    return f"{text}\n\n{_table(['', *(f'{up} at matched {across}' for up, across in AXES.items())], body)}"


def _matched(row: dict[str, Any] | None) -> str:
    """A gap with the range that it is of; often a single place is all that both reach."""
    if not row:
        return ""
    low, high = f"{row['from']:.3f}", f"{row['to']:.3f}"
    return f"{_said(row, signed=True)} {f'at {low}' if low == high else f'over {low} to {high}'}"


def regret_table(regret: dict[str, Any], lack: dict[str, list[str]]) -> str:
    """What each fixed point, and each choice, lacks of the best point in hindsight; and of which arms nobody knows it."""
    why = [f"None is said of {name}: no results of {', '.join(points)}." for name, points in lack.items()]
    text = "Regret: how much `identity_heldout * clip_t_object` lies below the best point in hindsight, training by training."
    table = _table(["", "regret ↓"], [[label, _said(row)] for label, row in regret.items()])
    return "\n\n".join([text, *([table] if regret else []), *why])


def comparison(results: Sequence[Results], which: str, metrics: Sequence[str] | None = None) -> str:
    """What was judged, every metric of every result, and the differences."""
    metrics = measured(results) if metrics is None else metrics
    found = summary(results, metrics)
    parts = [_about(results, which), _main_table(results, found["recipes"], metrics)]
    if found["paired"]:
        parts.append(_paired_table(results, found["paired"], metrics))
    return "\n\n".join(parts)


def fill_block(page: Path, table: str) -> None:
    """Puts the table between a page's two markers. Raises ``ConfigError`` where it has not got them."""
    begin = re.escape(BEGIN) + r"[^\n]*\n"
    text, count = re.subn(
        f"({begin}).*?({re.escape(END)})", lambda m: f"{m[1]}{table}{m[2]}", page.read_text(), flags=re.DOTALL
    )
    if count != 1:
        raise ConfigError(f"{page} must hold the line '{BEGIN} -->' and after it '{END}', once")
    write_text(page, text)


def _about(results: Sequence[Results], which: str) -> str:
    runs = sum(len(r.records) for r in results)
    subjects = len({rec["subject"] for r in results for rec in r.records})
    designs = len({rec["design"] for r in results for rec in r.records})
    pictures = sum(len(rec["images"]) for r in results for rec in r.records)
    judges = "; ".join(j["judge"] for j in results[0].header["judges"].values())
    return (
        f"{subjects} subjects of {designs} designs ({which}), {runs} runs, {pictures} pictures; intervals of 95 % from a"
        f" bootstrap over designs. Judges: {judges}."
    )


def _main_table(results: Sequence[Results], rows: dict[str, Any], metrics: Sequence[str]) -> str:
    heads = [f"{m} {'↓' if m in LOWER_IS_BETTER else '↑'}" for m in metrics]
    body = [
        [name, *(_said(rows[r.label].get(m)) for m in metrics)]
        for name, r in zip(_names(results), results, strict=True)
    ]
    return _under(_table(["", *heads], body), fewer(results, metrics))


def _paired_table(results: Sequence[Results], paired: dict[str, Any], metrics: Sequence[str]) -> str:
    """Each pair once, in the order of the results."""
    labels = [r.label for r in results]
    pairs = [(a, b) for i, a in enumerate(labels) for b in labels[:i]]
    shown = {f"{a} - {b}": row for a, b in pairs if (row := paired.get(f"{a}-vs-{b}"))}
    body = []
    for name, row in shown.items():
        note = "" if row["seeds"] >= HEADLINE_SEEDS else " (one seed: no headline)"
        body.append([f"{name}{note}", *(_said(row.get(m), signed=True) for m in metrics)])
    return "Differences, training by training.\n\n" + _under(_table(["", *metrics], body), fewer_pairs(shown, metrics))


def _columns(results: Sequence[Results], columns: Sequence[tuple[str, str, Callable[..., bool]]]) -> str:
    rows = zip(_names(results), results, strict=True)
    body = [[name, *(_said(interval(means(r, m, where), r)) for _, m, where in columns)] for name, r in rows]
    return _table(["", *(head for head, _, _ in columns)], body)


def _names(results: Sequence[Results]) -> list[str]:
    """What rows are called; those that have fewer runs than others say so."""
    most = max(len(r.records) for r in results)
    few = [len(r.records) < most and r.label != IDEAL for r in results]  # ideal pictures have no seeds
    return [
        f"{r.label} ({len(r.records)} of {most} runs)" if less else r.label
        for r, less in zip(results, few, strict=True)
    ]


def _guards(results: Sequence[Results]) -> str:
    """What the class images of each row were allowed to speak of, from its settings."""
    body = []
    for name, r in zip(_names(results), results, strict=True):
        made = r.header["config"]["regularize"]
        guard = {True: "on", False: "off"}.get(made.get("leak_guard"), "none")
        asked = made.get("evaluation_prompts", False)
        prompts = {True: "yes", False: "no"}[asked] if isinstance(asked, bool) else "listed ones"
        trained = r.header["recipe"] != REAL
        body.append([name, *((made["name"], guard, prompts) if trained else ("nothing is trained", "", ""))])
    text = (
        "Class images, by the settings. The leak guard keeps half of the conditions out of a structured set; the prompts asked"
        " here are in one only where it was told so."
    )
    return f"{text}\n\n{_table(['', 'class images', 'leak guard', 'evaluation prompts in the set'], body)}"


def _costs(results: Sequence[Results]) -> str:
    """Seconds that no record knows, since pictures were kept, are left out."""
    stages = [*STAGES, "scoring"]
    body = []
    for r in results:
        known = [[s for rec in r.records if (s := rec["seconds"][stage]) is not None] for stage in stages]
        memory = max(rec["peak_memory_mb"] for rec in r.records)
        devices = ", ".join(sorted({rec["device"] for rec in r.records}))
        means_s = [f"{sum(some) / len(some):.1f}" if some else "" for some in known]
        body.append([r.label, *means_s, f"{memory:.0f}", devices])
    heads = ["", *(f"{s}, s" for s in stages), "peak, MiB", "device"]
    return "Mean seconds of a run by stage, and its largest peak of memory.\n\n" + _table(heads, body)


def _said(row: dict[str, Any] | None, signed: bool = False) -> str:
    if not row:
        return ""
    sign = "+" if signed else ""
    if row["ci95"] is None:
        return f"{row['mean']:{sign}.3f}"
    low, high = row["ci95"]
    return f"{row['mean']:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _under(table: str, line: str) -> str:
    return f"{table}\n\n{line}" if line else table


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])
