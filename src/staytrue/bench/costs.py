"""What an experiment will cost, so that each can state it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from staytrue.bench.minibench import Planned
from staytrue.bench.plan import Setting, beside, protection, tasks
from staytrue.bench.prompts import suite_prompts
from staytrue.bench.protected import Protecting
from staytrue.bench.real import REAL
from staytrue.config import RunConfig
from staytrue.generate.sampling import Sampling
from staytrue.images.scan import scan_folder
from staytrue.runs import fingerprint
from staytrue.types import Subject

if TYPE_CHECKING:
    from staytrue.bench.pairs import PairTask

# seconds of one core, for the miniature; docs/log.md says how they were measured
TRAINED_ROW_S, DRAWN_ROW_S, RUN_S = 0.05, 0.012, 20.0
ATTACKED_ROW_S = 0.1  # a gradient to the pixels passes the autoencoder, too; an estimate
SET = 300  # class images where the recipe does not say
FROZEN = 1 / 3  # of a trained row: a pass forward alone
# passes of the photos that an objective takes beside the one that all share, of the trained and of the frozen network
PASSES = {
    "semantic_anchor": (0, 1),
    "semantic_ladder": (1, 10),
    "semantic_delta": (1, 2),
    "direct_consistency": (0, 1),
    "output_preservation": (1, 1),
}


def cpu_minutes(plans: Iterable[Planned]) -> float:
    """Minutes of one core for everything in some suites, if nothing of it is there yet.

    Class images are counted once for each subject, seed and prior set, though subjects of one class may share some.
    """
    seconds = 0.0
    for one in plans:
        sets: dict[tuple[str, int, str], Any] = {}
        attacks: dict[Any, float] = {}
        for task in tasks(one.settings, one.members, {}):
            config = task.settings[-1].config  # the longest training, which passes through the others
            if made := protection(task, task.settings[0]):
                attacks[made.folder] = _attack_s(made)
            if task.settings[0].variant.arm.recipe == REAL:
                continue
            seconds += _trained_s(config) + (len({one.steps for one in task.settings}) - 1) * RUN_S
            sets[task.member.name, task.seed, fingerprint(config.regularize)] = config.regularize
            for setting in task.settings:
                seconds += _drawing_s(setting, task.member.subject)
        seconds += sum(attacks.values())
        seconds += _sets_s(sets.values())
    return seconds / 60


def pair_minutes(todo: Iterable[PairTask]) -> float:
    """The same for pairs; what several of them share, a training or a subject's class images, counts once."""
    trained: dict[Path, float] = {}
    sets: dict[tuple[str, int, str], Any] = {}
    seconds = 0.0
    for task in todo:
        config = task.setting.config
        for folder, cast in task.trainings:
            trained[folder] = _trained_s(config)
            sets |= {(s.name, task.seed, fingerprint(config.regularize)): config.regularize for s in cast}
        pictures = len(task.asked) * task.setting.bench.images_per_prompt
        seconds += pictures * (_drawn_s(config.generate.sampling) + _guides_s(config))
    return (seconds + sum(trained.values()) + _sets_s(sets.values())) / 60


def _trained_s(config: RunConfig) -> float:
    train = config.train
    rows = train.batch * (1 + _passes(config)) + train.class_rows
    return RUN_S + train.steps * train.accumulation * rows * TRAINED_ROW_S


def _passes(config: RunConfig) -> float:
    """How many further times the photos of a step pass the network, in trained rows; what objectives share is counted for each."""
    found = 0.0
    for term in config.train.objectives.values():
        objective: Any = term.objective
        trained, frozen = PASSES.get(objective.name, (0, 0)) if term.weight else (0, 0)
        if getattr(objective, "reading", "A") != "A":  # of semantic_anchor
            trained += 1
        found += (trained + FROZEN * frozen) * getattr(objective, "share", 1)
    return found


def _sets_s(priors: Iterable[Any]) -> float:
    """Of drawing class images, where a prior set draws any."""
    drawn = [prior for prior in priors if hasattr(prior, "sampling")]
    return float(sum((prior.count or SET) * _drawn_s(prior.sampling) for prior in drawn))


def _attack_s(made: Protecting) -> float:
    """Of the steps of ascent on the photos; what surrogates train in between is counted as much again."""
    method = made.config.protect.method
    photos, draws = len(scan_folder(made.config.subject.photos)), getattr(getattr(method, "pgd", None), "draws", 1)
    between = 2 if hasattr(method, "surrogate") else 1
    return float(method.gradients() * photos * draws * between * ATTACKED_ROW_S)


def _drawing_s(setting: Setting, subject: Subject) -> float:
    """Of all pictures of a run; a guide takes two rows a step more for those that name the subject."""
    sampling, asked = (
        setting.config.generate.sampling,
        suite_prompts(subject, setting.bench.lists, setting.bench.prompts),
    )
    seconds = (len(asked) + len(beside(setting.bench, subject))) * _drawn_s(sampling)
    seconds += len(asked) * _guides_s(setting.config)
    return float(setting.bench.images_per_prompt * seconds)


def _guides_s(config: RunConfig) -> float:
    """What guides add to one picture of a subject."""
    guides = sum(guide.weight > 0 for guide in config.generate.guides.values())
    return float(guides * config.generate.sampling.steps * 2 * DRAWN_ROW_S)


def _drawn_s(sampling: Sampling) -> float:
    """Of one picture: guidance takes two rows a step."""
    return float(sampling.steps * (2 if sampling.guidance > 1 else 1) * DRAWN_ROW_S)
