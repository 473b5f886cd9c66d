"""What an experiment will cost, so that each can state it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from staytrue.bench.minibench import Planned
from staytrue.bench.plan import Setting, beside, protection, tasks
from staytrue.bench.prompts import suite_prompts
from staytrue.bench.protected import Protecting
from staytrue.bench.real import REAL
from staytrue.generate.sampling import Sampling
from staytrue.images.scan import scan_folder
from staytrue.runs import fingerprint
from staytrue.types import Subject

# seconds of one core, for the miniature; docs/log.md says how they were measured
TRAINED_ROW_S, DRAWN_ROW_S, RUN_S = 0.05, 0.012, 20.0
ATTACKED_ROW_S = 0.1  # a gradient to the pixels passes the autoencoder, too; an estimate
SET = 300  # class images where the recipe does not say


def cpu_minutes(plans: Iterable[Planned]) -> float:
    """Minutes of one core for everything in some suites, if nothing of it is there yet.

    Class images are counted once for each subject, seed and prior set, though subjects of one class may share some.
    """
    seconds = 0.0
    for one in plans:
        sets: dict[tuple[str, int, str], Any] = {}
        attacks: dict[Any, float] = {}
        for task in tasks(one.settings, one.members, {}):
            config = task.settings[0].config
            if made := protection(task, task.settings[0]):
                attacks[made.folder] = _attack_s(made)
            if task.settings[0].variant.arm.recipe == REAL:
                continue
            seconds += RUN_S + config.train.steps * (config.train.batch + config.train.class_rows) * TRAINED_ROW_S
            sets[task.member.name, task.seed, fingerprint(config.regularize)] = config.regularize
            for setting in task.settings:
                seconds += _pictures(setting, task.member.subject) * _drawn_s(setting.config.generate.sampling)
        seconds += sum(attacks.values())
        drawn = [prior for prior in sets.values() if hasattr(prior, "sampling")]
        seconds += sum((prior.count or SET) * _drawn_s(prior.sampling) for prior in drawn)
    return seconds / 60


def _attack_s(made: Protecting) -> float:
    """Of the steps of ascent on the photos; what surrogates train in between is counted as much again."""
    method = made.config.protect.method
    photos, draws = len(scan_folder(made.config.subject.photos)), getattr(getattr(method, "pgd", None), "draws", 1)
    between = 2 if hasattr(method, "surrogate") else 1
    return float(method.gradients() * photos * draws * between * ATTACKED_ROW_S)


def _pictures(setting: Setting, subject: Subject) -> int:
    asked = suite_prompts(subject, setting.bench.lists, setting.bench.prompts)
    return setting.bench.images_per_prompt * (len(asked) + len(beside(setting.bench, subject)))


def _drawn_s(sampling: Sampling) -> float:
    """Of one picture: guidance takes two rows a step."""
    return float(sampling.steps * (2 if sampling.guidance > 1 else 1) * DRAWN_ROW_S)
