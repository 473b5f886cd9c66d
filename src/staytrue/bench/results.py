"""Files of results: one JSON per variant, one line per run in it, and the log of reporting runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from staytrue.bench.plan import Setting, told_to_protect, weights_of
from staytrue.bench.prompts import PHOTOS
from staytrue.config import values_of
from staytrue.errors import ConfigError
from staytrue.opening import commit, versions
from staytrue.runs import locked, make_folder, read_json, read_jsonl, write_jsonl, write_text

Record = dict[str, Any]
LOG, SUMMARY, CHOSEN = "reporting_runs.jsonl", "summary.json", "chosen.json"
LOCK = ".lock"  # file in a folder of results, held while one is changed
NOT_RESULTS = {SUMMARY, CHOSEN}
REPLACED = "replaced"  # folder in a folder of results, which tables do not read
STAGES = ("purified", "captions", "regularization", "training", "images")


@dataclass(frozen=True)
class Results:
    """What one variant has so far.

    Attributes:
        header: label, recipe, settings, versions, judges.
        records: one per subject and seed.
    """

    header: dict[str, Any]
    records: tuple[Record, ...]

    @property
    def label(self) -> str:
        return str(self.header["label"])

    @property
    def finished(self) -> set[tuple[str, int]]:
        """(subject, seed) of every record."""
        return {(r["subject"], r["seed"]) for r in self.records}

    @property
    def of_photos(self) -> bool:
        """Whether nobody else was asked its prompts: it is the row "real photos"."""
        return all(prompt["list"] == PHOTOS for record in self.records for prompt in record["prompts"])

    def of(self, which: Iterable[str]) -> Results:
        """Only the records of some subjects."""
        names = set(which)
        return Results(self.header, tuple(r for r in self.records if r["subject"] in names))


def read_results(file: Path) -> Results:
    """A file of results. Raises ``ConfigError`` where it is none."""
    try:
        values = read_json(file)
        return Results({k: v for k, v in values.items() if k != "runs"}, tuple(values["runs"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{file} is not a file of results ({error}); move it elsewhere") from None


def results_in(folder: Path) -> list[Results]:
    """All files of results of a folder, in the order of their names.

    Raises:
        ConfigError: there are none, or they were judged by different judges, or drawn by different base models, or asked
            different prompts of one subject.
    """
    named = sorted(folder.glob("*.json"), key=lambda path: path.stem) if folder.is_dir() else []
    files = [path for path in named if path.name not in NOT_RESULTS]
    if not files:
        raise ConfigError(f"no results in {folder}; `staytrue bench minibench` makes them, or name another with --out")
    found = [read_results(file) for file in files]
    for part in ("judges", "backbone"):
        if len({json.dumps(r.header[part], sort_keys=True) for r in found}) > 1:
            told = "\n".join(f"  {r.label}: {_told(r.header[part])}" for r in found)
            raise ConfigError(f"the results in {folder} have different {part} and cannot be compared:\n{told}")
    _require_same_prompts(folder, found)
    return found


def _require_same_prompts(folder: Path, found: Sequence[Results]) -> None:
    """Photos have prompts of their own, which are in no difference."""
    asked: dict[str, dict[str, list[str]]] = {}
    for r in found:
        for record in r.records:
            prompts = record.get("prompts", ())
            ids = sorted(p["id"] for p in prompts if p["list"] != PHOTOS)
            each = len(record["images"]) / max(1, len(prompts))
            if ids:
                asked.setdefault(record["subject"], {}).setdefault(f"{ids} {each:g}", []).append(r.label)
    for subject, labels in asked.items():
        if len(labels) > 1:
            told = "\n".join(f"  {', '.join(dict.fromkeys(some))}" for some in labels.values())
            raise ConfigError(
                f"the results in {folder} were asked different prompts of {subject}, or drew not equally many pictures, and cannot"
                f" be compared; run again what is older, or move it elsewhere:\n{told}"
            )


def so_far(setting: Setting) -> tuple[Record, ...]:
    """The records that a setting has already, each with the versions that made it; those of other settings do not count."""
    if not setting.file.is_file():
        return ()
    found = read_results(setting.file)
    if found.header.get("key") != setting.key:
        return ()
    return tuple({"versions": found.header.get("versions")} | record for record in found.records)


def in_the_way(setting: Setting) -> tuple[Results, Path] | None:
    """What other settings left in a setting's file, and where its first record will move that; None where there is nothing."""
    if not setting.file.is_file():
        return None
    found = read_results(setting.file)
    key = str(found.header.get("key"))
    if key == setting.key:
        return None
    return found, setting.file.parent / REPLACED / f"{setting.file.stem}-{key[:12]}.json"


def add(setting: Setting, suite: str, record: Record) -> None:
    """Puts a record into its setting's file, in place of an earlier one of the same subject and seed.

    Results of other settings that are in the file are moved aside first: they may have taken hours. A command beside this one, on
    other subjects, waits meanwhile.
    """
    head, where = header(setting, suite, record["judges"]), (record["subject"], record["seed"])
    make_folder(setting.file.parent)
    with locked(setting.file.parent / LOCK):
        if moved := in_the_way(setting):
            _move_aside(*moved)
        others = [r for r in so_far(setting) if (r["subject"], r["seed"]) != where]
        records = sorted([*others, record], key=_order)
        _write(setting.file, head, [_beside(head, r) for r in records])


def _beside(head: dict[str, Any], record: Record) -> Record:
    """A record without what the header says already: its versions stay only where others made it."""
    same = {"judges"} | ({"versions"} if record.get("versions") == head["versions"] else set())
    return {name: value for name, value in record.items() if name not in same}


def header(setting: Setting, suite: str, judges: dict[str, Any]) -> dict[str, Any]:
    """What a reader needs to run a variant again."""
    variant, config = setting.variant, values_of(setting.config)
    config.pop("subjects")
    for name in ("prompts", "images_per_prompt", "base"):  # the suite's, said beside
        config["generate"].pop(name)
    return {
        "label": variant.label,
        "recipe": variant.arm.recipe,
        "arm": variant.arm.label,
        "at": variant.at,
        "suite": suite,
        "set": list(variant.assignments),
        "photos": variant.arm.photos,
        "living": variant.arm.living,
        "identifier": variant.arm.identifier,
        "protection": variant.arm.protection,
        "protect": told_to_protect(variant),
        "defense": variant.arm.defense,
        "lists": list(setting.bench.lists),
        "images_per_prompt": setting.bench.images_per_prompt,
        "key": setting.key,
        "backbone": {"path": config["backbone"]["path"], "weights": weights_of(setting.config.backbone)},
        "judges": judges,
        "config": config,
        "versions": versions(),
    }


def log_reporting(home: Path, settings: Sequence[Setting], date: str) -> int:
    """Notes that settings are about to be scored on the reporting subjects, once for each seed; returns how many the log has.

    Every look at these subjects can be used to choose, so looks are counted. To go on with an interrupted run is none.
    """
    file = home / LOG
    make_folder(home)
    with locked(home / LOCK):
        rows = read_jsonl(file) if file.is_file() else []
        known = {(row["key"], seed) for row in rows for seed in row["seeds"]}
        looks = [(one, seed) for one in settings for seed in one.bench.seeds]
        for one, seed in looks:
            if (one.key, seed) not in known:
                known.add((one.key, seed))
                rows.append(
                    {
                        "number": len(rows) + 1,
                        "date": date,
                        "label": one.variant.label,
                        "key": one.key,
                        "set": list(one.variant.assignments),
                        "seeds": [seed],
                        "commit": commit(),
                    }
                )
        write_jsonl(file, rows)
    return len(rows)


def _move_aside(found: Results, aside: Path) -> None:
    """Together with what the same settings have lost before, if they had another turn since."""
    earlier = read_results(aside).records if aside.is_file() else ()
    older = [r for r in earlier if (r["subject"], r["seed"]) not in found.finished]
    _write(aside, found.header, sorted([*found.records, *older], key=_order))


def _write(file: Path, head: dict[str, Any], records: Sequence[Record]) -> None:
    """JSON with one line per record, so that a diff of two results is readable."""
    top = json.dumps(head, indent=1, sort_keys=True)[:-2]
    lines = ",\n".join("  " + json.dumps(record, sort_keys=True, separators=(",", ":")) for record in records)
    write_text(file, f'{top},\n "runs": [\n{lines}\n ]\n}}\n')


def _order(record: Record) -> tuple[Any, ...]:
    return record["split"], record["subject"], record["seed"]


def _told(value: Any) -> str:
    return ", ".join(f"{k} {v.get('sha256', v)[:12]}" if isinstance(v, dict) else f"{k} {v}" for k, v in value.items())
