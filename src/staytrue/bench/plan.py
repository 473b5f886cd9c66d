"""What is to be run: settings, and tasks that share one training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from staytrue.backbones.base import Backbone
from staytrue.backbones.identity import backbone_identity
from staytrue.bench.prompts import CLASS_PROMPTS, OTHER_NOUNS, class_prompts, other_prompts, suite_prompts, suite_words
from staytrue.bench.protected import Protecting, is_protect, protect_of, protecting
from staytrue.bench.real import REAL
from staytrue.bench.settings import Bench
from staytrue.bench.subjects import Member, with_photos
from staytrue.bench.suites import Variant, file_name
from staytrue.config import RunConfig, named_backbone, overridden, parse, values_of
from staytrue.encoders.checkpoint import weights_sha256
from staytrue.encoders.clip import ClipJudge
from staytrue.encoders.dino import DinoJudge
from staytrue.encoders.judges import clip_judge, dino_judge
from staytrue.purify.inspection.verdict import read_limits
from staytrue.recipes import recipe
from staytrue.runs import fingerprint
from staytrue.types import Subject

LEARNING = ("backbone", "purify", "caption", "regularize", "train")
# a change of what is scored, or how, makes earlier results incomparable
PROTOCOL = 1
# settings that came after the first results: unsaid while they are off, so that those results stay what they are
LATER: dict[str, dict[str, Any]] = {
    "train": {"background_dropout": 0.0, "noisy": None},
    "regularize": {"placeless": 0.0, "against_adjectives": True},
    "objective": {"share": 1.0},
    "generate": {"concept": 0, "guides": {}},
}
# what came with the package when the first results were made: unsaid, too
FIRST_BUNDLE = "95fb7f0b95b693c2ee55cfe908e34fac2f599ca0de215caedb65568542c4cd65"
REDTEAM_PROTOCOL, WORDS_PROTOCOL = "red team 2", "words 1"


@dataclass(frozen=True)
class Setting:
    """One variant, resolved.

    Attributes:
        variant: its label, arm and place in the grid.
        config: of its runs, without subjects.
        bench: what is drawn.
        out: folder of its results.
        key: fingerprint of everything that its scores depend on except subject and seed.
        learned: fingerprint of everything that its training depends on except subject and seed.
        course: the same without the number of steps: on one course a longer training goes on from a shorter one.
    """

    variant: Variant
    config: RunConfig
    bench: Bench
    out: Path
    key: str
    learned: str
    course: str

    @property
    def steps(self) -> int:
        """Of training."""
        return self.config.train.steps

    @property
    def file(self) -> Path:
        """Its results."""
        return self.out / f"{file_name(self.variant.label)}.json"


@dataclass(frozen=True)
class Task:
    """One training, and the settings that draw from it.

    Attributes:
        member: whom it learns.
        seed: of the training.
        folder: of the run.
        settings: which differ in nothing that is learned but in how long; those of fewer steps first.
    """

    member: Member
    seed: int
    folder: Path
    settings: tuple[Setting, ...]

    @property
    def title(self) -> str:
        labels = ", ".join(s.variant.label for s in self.settings)
        return f"{self.member.name}, seed {self.seed}: {labels}"

    def record(self, one: Setting) -> Path:
        """Where what is known of a setting waits for the task to be finished."""
        return self.folder / f"record-{one.key[:12]}.json"


def setting(variant: Variant, bench: Bench, out: Path) -> Setting:
    """Resolves a variant. Raises ``ConfigError`` for what its assignments have wrong."""
    name = "dreambooth" if variant.arm.recipe == REAL else variant.arm.recipe  # photos have no recipe, only judges
    of_run = [a for a in variant.assignments if not is_protect(a)]
    base = values_of(recipe(name, named_backbone({}, of_run)))
    # photos of the benchmark are what their arm says they are: nothing is to answer for a false alarm
    config = parse(
        overridden(
            base,
            ["inspect.defense=[]", *of_run, "train.previews.every=null", "generate.base=false", "generate.concept=0"],
        )
    )
    config = config.model_copy(update={"subjects": ()})
    identity = weights_of(config.backbone)
    anyhow = config
    if not config.train.select:  # what selects scores the last step, too
        anyhow = config.model_copy(update={"train": replace(config.train, steps=1)})
    learned, course = (_learned(variant, one, identity) for one in (config, anyhow))
    return Setting(variant, config, bench, out, _key(variant, config, bench, identity), learned, course)


def tasks(
    settings: Iterable[Setting], members: Sequence[Member], finished: dict[Path, set[tuple[str, int]]]
) -> list[Task]:
    """The trainings that are missing, seed by seed, subject by subject: a part of them compares all settings on fewer subjects.

    Args:
        settings: what is compared.
        members: on whom.
        finished: file of results -> (subject, seed) that it has already.
    """
    grouped: dict[tuple[int, str, Path], list[Setting]] = {}
    settings = tuple(settings)
    seeds = sorted({seed for one in settings for seed in one.bench.seeds})
    for seed, member, one in product(seeds, members, settings):
        if seed in one.bench.seeds and (member.name, seed) not in finished.get(one.file, set()):
            grouped.setdefault((seed, member.name, _folder(one, member, seed)), []).append(one)
    by_name = {m.name: m for m in members}
    return [
        Task(by_name[name], seed, folder, tuple(sorted(some, key=lambda one: one.steps)))
        for (seed, name, folder), some in grouped.items()
    ]


def run_config(task: Task, one: Setting) -> RunConfig:
    """The configuration of one run, its prompts the suite's."""
    subject, arm = task.member.subject, one.variant.arm
    learned = with_photos(subject, arm.photos, one.bench.runs / "photos")
    if made := protection(task, one):
        learned = learned.model_copy(update={"photos": made.photos})
    changed = {"living": arm.living, "identifier": arm.identifier}
    learned = learned.model_copy(update={name: value for name, value in changed.items() if value is not None})
    asked = suite_prompts(subject, one.bench.lists, one.bench.prompts)
    texts = [*(a.drawn(learned) for a in asked), *beside(one.bench, subject)]
    generate = values_of(one.config)["generate"] | {"prompts": texts, "images_per_prompt": one.bench.images_per_prompt}
    subjects = [learned.model_dump(mode="json")]
    values = values_of(one.config) | {"subjects": subjects, "seed": task.seed, "generate": generate}
    values["train"] |= {"keep_state": any(other.steps > one.steps for other in task.settings)}
    return parse(values)


def beside(bench: Bench, subject: Subject) -> list[str]:
    """The prompts of the class, then those of other classes; none where the suite leaves them out."""
    return [*class_prompts(subject), *other_prompts(subject)] if bench.beside else []


def protection(task: Task, one: Setting) -> Protecting | None:
    """What is done to the subject's photos before anybody trains on them; None where they stay clean."""
    told = told_to_protect(one.variant)
    if not told:
        return None
    clean = with_photos(task.member.subject, one.variant.arm.photos, one.bench.runs / "photos")
    against = (one.config.backbone, weights_of(one.config.backbone), task.seed)
    return protecting(one.variant.arm.protection or "", told, clean, against, one.bench.runs)


def told_to_protect(variant: Variant) -> list[str]:
    """Its ``protect.field=value``, the command line's over the suite's; nothing where photos stay clean."""
    above = [a for a in variant.assignments if is_protect(a)]
    return [*variant.arm.protect, *above] if variant.arm.protect else []


def judge_specs(config: RunConfig) -> tuple[ClipJudge, DinoJudge]:
    """The judges, without weights: those that the run's own metrics name."""
    facts, metrics = config.backbone.facts(), config.evaluate.metrics
    clip, dino = (getattr(metrics.get(name), "judge", "auto") for name in ("clip_i", "dino"))
    return clip_judge(clip, facts), dino_judge(dino, facts)


def strip_file(one: Setting, member: Member, seed: int) -> Path:
    """Where a setting's first picture of every prompt stays."""
    return _folder(one, member, seed) / f"strip-{one.key[:12]}.png"


def _folder(one: Setting, member: Member, seed: int) -> Path:
    """Settings that learn the same, or longer, have the same folder, and so one training."""
    about = fingerprint([one.course, plain_subject(member.subject)])
    return one.bench.runs / f"{member.name}-s{seed}-{about[:12]}"


def _learned(variant: Variant, config: RunConfig, identity: str) -> str:
    arm = variant.arm
    if arm.recipe == REAL:  # nothing is
        return fingerprint([REAL, identity])
    about = [False, arm.photos, arm.living, identity]
    if arm.identifier is not None:
        about.append(arm.identifier)
    if config.inspect.defense:  # what is learned follows from what the inspection says
        about.append(fingerprint([config.inspect, _limits(config)]))
    if told := told_to_protect(variant):
        about.append(fingerprint(protect_of(told)))
    parts: dict[str, Any] = {name: getattr(config, name) for name in LEARNING}
    # what a checkpoint is chosen by follows from how pictures are drawn; so do previews, of which nothing is learned
    parts["train"] = replace(config.training(), previews=config.train.previews)
    parts |= {name: _said(vars(parts[name]), name) for name in ("train", "regularize")}
    parts["train"]["objectives"] = {
        name: vars(term) | {"objective": _said(vars(term.objective), "objective")}
        for name, term in config.train.objectives.items()
    }
    return fingerprint([parts, about])


def _said(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Without later settings that are off."""
    off = LATER[section]
    return {name: value for name, value in values.items() if name not in off or value != off[name]}


def _limits(config: RunConfig) -> dict[str, Any]:
    return read_limits(config.inspect.limits, config.backbone.facts().is_miniature)


def _key(variant: Variant, config: RunConfig, bench: Bench, identity: str) -> str:
    shas = [_sha256(spec.checkpoint) for spec in judge_specs(config)]
    learned, bundled = _learned(variant, config, identity), bundle(config.backbone)
    if variant.arm.recipe == REAL:
        return fingerprint([learned, bundled, shas, PROTOCOL])
    values = values_of(config)
    wording = [
        fingerprint([a.template() for a in suite_prompts(_someone(living), bench.lists, bench.prompts)])
        for living in (True, False)
    ]
    values["generate"]["guides"] = {name: one for name, one in values["generate"]["guides"].items() if one["weight"]}
    values["generate"] = _said(values["generate"], "generate")
    sampling = values["generate"].pop("sampling") | {"batch": None}
    drawn = [bench.lists, bench.images_per_prompt, bench.prompts, wording, CLASS_PROMPTS, OTHER_NOUNS, sampling]
    if not bench.beside:
        drawn.append("nothing beside")
    if bench.words:
        drawn.append(WORDS_PROTOCOL)
    if variant.arm.defense:
        drawn.append(REDTEAM_PROTOCOL)
    if bundled != FIRST_BUNDLE:
        drawn.append(bundled)
    return fingerprint(
        [learned, drawn, shas, values["generate"] | {"prompts": None, "images_per_prompt": None}, PROTOCOL]
    )


@cache
def weights_of(backbone: Backbone) -> str:
    """A fingerprint of the base model's weights: read once, however many settings there are."""
    return backbone_identity(backbone)


@cache
def bundle(backbone: Backbone) -> str:
    """A fingerprint of what scores depend on besides settings, weights and judges: words, photos, and what was asked for."""
    home = Path(str(files("staytrue") / "assets" / "minibench"))
    photos = sorted([*home.glob("*/*/*.png"), *home.glob("*/*/metadata.jsonl")])
    contents = [
        (file.relative_to(home).as_posix(), fingerprint(file)) for file in (*photos, home / "ideal.safetensors")
    ]
    return fingerprint([backbone.facts().words, suite_words(), contents])


@cache
def _sha256(checkpoint: str) -> str:
    return weights_sha256(checkpoint)


def _someone(living: bool) -> Subject:
    return Subject(name="any", photos=Path("any"), class_noun="thing", living=living)


def plain_subject(subject: Subject) -> dict[str, Any]:
    """A subject without the place where this machine keeps its photos."""
    return subject.model_dump(mode="json", exclude={"photos", "heldout"})
