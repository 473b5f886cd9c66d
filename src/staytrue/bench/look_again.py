"""The red team's inspections, taken again where the inspection has changed since: nothing has to be trained for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from staytrue.bench.arms import UNDEFENDED
from staytrue.bench.attacked import Attacked, inspected, inspected_by
from staytrue.bench.measure import rounded
from staytrue.bench.plan import Setting, Task, protection, run_config, tasks
from staytrue.bench.results import Record, add, read_results, so_far

if TYPE_CHECKING:
    from staytrue.bench.minibench import Planned


def look_again(plans: Sequence[Planned], device: str) -> None:
    """Every undefended record whose photos were inspected by other limits or measures gets a new inspection."""
    for planned in plans:
        for task in tasks(planned.settings, planned.members, {}):
            for one in task.settings:
                if one.variant.arm.defense == UNDEFENDED and (record := _stale(task, one)):
                    _renew(planned.suite.name, task, one, record, device)


def _stale(task: Task, one: Setting) -> Record | None:
    """The record of this subject and seed, if there is one and its inspection is out of date."""
    mine = [r for r in so_far(one) if (r["subject"], r["seed"]) == (task.member.name, task.seed)]
    now = inspected_by(one.config)
    return mine[0] if mine and mine[0]["redteam"]["inspection"].get("by") != now else None


def _renew(suite: str, task: Task, one: Setting, record: Record, device: str) -> None:
    if made := protection(task, one):
        made.make(device)
    found = rounded(inspected(Attacked(task, one, run_config(task, one), made)))
    judges = read_results(one.file).header["judges"]
    add(one, suite, record | {"redteam": record["redteam"] | {"inspection": found}, "judges": judges})
