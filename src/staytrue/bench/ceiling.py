"""The row "ideal" of tables: the same scores of pictures without a mistake (``benchmarks/experiments/ideal.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from staytrue.bench.prompts import MAIN_LIST
from staytrue.bench.results import Record, Results, read_results

IDEAL = "ideal"
FILE = Path(IDEAL) / f"{IDEAL}.json"


def ceiling(results: Sequence[Results], home: Path) -> Results | None:
    """The scores of ideal pictures of the same subjects and prompts.

    Args:
        results: of one table.
        home: folder of folders of results.

    Returns:
        None where ``home`` has no ideal pictures, or other judges scored them, or one of the prompts is not among theirs.
    """
    file = home / FILE
    if not file.is_file() or any(r.label == IDEAL for r in results):
        return None
    ideal = read_results(file)
    if any(r.header["judges"] != ideal.header["judges"] for r in results):
        return None
    wanted: dict[str, set[str]] = {}
    for record in (record for r in results if not r.of_photos for record in r.records):
        asked = wanted.setdefault(record["subject"], set())
        asked |= {p["id"] for p in record["prompts"] if p["list"] == MAIN_LIST}
    if not wanted:
        return None
    known = {record["subject"]: record for record in ideal.records}
    if any(not ids <= {p["id"] for p in known.get(name, {"prompts": ()})["prompts"]} for name, ids in wanted.items()):
        return None
    return Results(ideal.header, tuple(_only(known[name], ids) for name, ids in sorted(wanted.items())))


def _only(record: Record, ids: set[str]) -> Record:
    """A record without the pictures of other prompts."""
    kept = {place for place, prompt in enumerate(record["prompts"]) if prompt["id"] in ids}
    return record | {"images": [row for row in record["images"] if row[0] in kept]}
