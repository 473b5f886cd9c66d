"""``2-captions/`` and ``3-regularization/`` to ``4-training/``: reads the rows, trains, writes the take-away."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

from staytrue.adapters.token_files import token_files
from staytrue.backbones.base import Backbone, LoadedBackbone
from staytrue.backbones.clip_words import clip_words
from staytrue.backbones.identity import backbone_identity
from staytrue.diffusion.randomness import derived_seed
from staytrue.encoders.checkpoint import named_weights
from staytrue.errors import ConfigError
from staytrue.objectives.composed import Composed, check_needs
from staytrue.runs import RunFolder, fingerprint, manifest_key, read_jsonl, run_stage, write_text
from staytrue.train.batches import Batches
from staytrue.train.card import Card
from staytrue.train.checkpoints import CHECKPOINTS, Checkpoints
from staytrue.train.config import Train
from staytrue.train.crop_store import CropStore, encoder_fingerprint
from staytrue.train.curve import Bar, Curve
from staytrue.train.latents import Crops, EncodedLatents, Latents, cached_latents
from staytrue.train.loop import never, train_loop
from staytrue.train.memory import memory_bytes, memory_line
from staytrue.train.predictor import BackbonePredictor
from staytrue.train.previews import PreviewGrids
from staytrue.train.scored import cost_line, scored_steps
from staytrue.train.selection import FILE, Selection, hold_out, square
from staytrue.train.state import State, start
from staytrue.train.steps import StepMaker
from staytrue.types import Sample, Slot, Subject


@dataclass(frozen=True)
class Job:
    """Everything a training is made from.

    Attributes:
        run: the run's folder.
        train: the settings.
        subjects: whom to learn.
        samples: the rows, subjects' photos first.
        backbone: what is personalized, not loaded.
        seed: of the run.
        device: to train on.
        held: subject -> the photo of it that is held out, relative to the run's folder; empty where nothing is selected.
    """

    run: RunFolder
    train: Train
    subjects: tuple[Subject, ...]
    samples: tuple[Sample, ...]
    backbone: Backbone
    seed: int
    device: str
    held: dict[str, Path] = field(default_factory=dict)


def train_stage(
    run: RunFolder, train: Train, subjects: Iterable[Subject], backbone: Backbone, seed: int, device: str = "cpu"
) -> bool:
    """Personalizes the backbone. Called again after an interruption, it goes on from the last checkpoint.

    Args:
        run: its captions and class images are read, its ``4-training`` is written.
        train: the settings.
        subjects: whom to learn; all in one model.
        backbone: what is personalized.
        seed: of the run.
        device: to train on.

    Returns:
        True if the work ran, False if the folder was complete already.

    Raises:
        ConfigError: an objective needs what this run does not have, or there is nothing to select from. Nothing has been loaded
            then.
        ResumeError: the folder holds an unfinished training with other settings.
    """
    samples, held = read_samples(run, subjects), dict[str, Path]()
    if train.select:
        samples, held = hold_out(samples, seed)
    if train.noisy:
        samples = train.noisy.beside(samples, seed)
    job = Job(run, train, tuple(subjects), tuple(samples), backbone, seed, device, held)
    check_needs(Composed(train.objectives), available(job))
    if train.select:
        scored_steps(train, len(job.subjects))  # raises where there is nothing to choose from
    learned = _without_what_only_shows(train)
    inputs = {
        "train": learned,
        "subjects": [(s.name, s.identifier, s.class_noun, s.class_noun_vague) for s in job.subjects],
        "backbone": backbone,
        "weights": backbone_identity(backbone),
        "seed": seed,
        "captions": manifest_key(run.captions),
        "regularization": manifest_key(run.regularization),
        "samples": fingerprint(job.samples),
    }
    if held:
        inputs["held_out"] = held
    inputs |= named_weights(train.select, run.training)
    # who takes the model away, or deletes a cache, does not ask for hours of training
    work = partial(_train, job, key=fingerprint(inputs | {"train": _whatever_its_length(learned)}))
    return run_stage(run.training, inputs, work, mends=False, scratch=CHECKPOINTS)


def read_samples(run: RunFolder, subjects: Iterable[Subject]) -> list[Sample]:
    """The rows to train on: the subjects' captioned photos, then their class images. Raises ``ConfigError`` without photos."""
    names = {subject.name for subject in subjects}
    files = (run.captions / "captions.jsonl", run.regularization / "samples.jsonl")
    samples = [s for file in files if file.is_file() for s in read_jsonl(file, Sample) if s.subject in names]
    if without := sorted(names - {s.subject for s in samples if s.role == "subject"}):
        raise ConfigError(f"no captioned photos of {', '.join(without)} in {run.captions}; run the caption stage first")
    return samples


def available(job: Job) -> frozenset[str]:
    """What this run has of what objectives may need."""
    found = {"frozen_base", "initial_weights"}
    if job.train.class_rows and any(sample.role == "class" for sample in job.samples):
        found |= {"class_rows", *(f"class_{slot}" for slot in get_args(Slot) if _said_of_class_images(job, slot))}
    if job.train.adapter.trains_text:
        found.add("trainable_phrase")
    return frozenset(found)


def _said_of_class_images(job: Job, slot: Slot) -> bool:
    """Whether class images of each subject have words there, and not just the ones that all of its photos have."""
    if slot == "adjectives" and job.train.adjective_dropout == 1:
        return False
    for subject in job.subjects:
        rows = [sample for sample in job.samples if sample.subject == subject.name]
        photos = {getattr(row.caption, slot) for row in rows if row.role == "subject"}
        said = {getattr(row.caption, slot) for row in rows if row.role == "class" and row.caption.says(slot)}
        if not said or len(said | photos) == 1:
            return False
    return True


def _train(job: Job, folder: Path, key: str) -> dict[str, Any]:
    checkpoints = Checkpoints(folder / CHECKPOINTS, key, job.train.steps, job.train.keep_state)
    _look_at_lengths(job)
    backbone = job.backbone.load(job.device)
    make_step = step_maker(job, backbone, folder / "latents.safetensors")
    state = _state(job, backbone)
    if "initial_weights" in Composed(job.train.objectives).needs():
        make_step.predictor.remember(state.parameters())
    memory = memory_bytes(state, make_step.predictor, make_step.latents)
    console = Console(stderr=True, highlight=False)
    console.print(f"  {memory_line(memory)}")
    if job.train.select:
        console.print(f"  {cost_line(job.train, len(job.subjects))}")
    checkpoints.resume(state)
    _sweep(folder, afresh=state.step == 0)
    selection = _selection(job, backbone, folder)
    hooks = [
        Curve(folder),
        PreviewGrids(job.train.previews, job.subjects, folder / "previews"),
        Bar(job.train.steps),
        *([selection] if selection else []),
        checkpoints,  # last: what the others write must be there before one can resume from it
    ]
    train_loop(job.train, state, make_step, hooks, selection.stop if selection else never)
    if selection:
        selection.take(state)
    elif state.ema:
        state.adapter.load_state(backbone, state.ema)
    _export(job, state, selection.best.step if selection else None)
    checkpoints.forget()
    return {
        "steps": state.step,
        "rows": len(job.samples),
        "trained_parameters": sum(p.numel() for p in state.parameters()),
        "memory_bytes": memory,
        "duration_s": round(checkpoints.seconds, 3),  # with those of interrupted processes
        **({"selected": selection.facts()} if selection else {}),
    }


def _look_at_lengths(job: Job) -> None:
    """What a text encoder has no place for is not learned: the end of a long caption, and with it what its role ends with."""
    words = clip_words(job.backbone.files().folder)  # type: ignore[attr-defined]
    endings = {"subject": job.train.subject_suffix, "class": job.train.class_suffix}
    captions = [replace(s.caption, suffix=s.caption.suffix or endings[s.role]).render() for s in job.samples]
    cut = {text: end for text in dict.fromkeys(captions) if (end := words.cut(text))}
    for text, end in list(cut.items())[:1]:
        warnings.warn(
            f"{job.backbone.facts().title} reads {words.length - 2} tokens; {len(cut)} of {len(set(captions))} captions are longer,"
            f" such as {text!r}: it does not learn {end!r}. Say it in fewer words",
            stacklevel=2,
        )


def _without_what_only_shows(train: Train) -> Train:
    """What the weights depend on: not what is drawn on the way, nor, where no checkpoint is chosen, when one is written."""
    plain = Train()
    every = train.checkpoint_every if train.select else plain.checkpoint_every
    return replace(train, previews=plain.previews, checkpoint_every=every)


def _whatever_its_length(train: Train) -> Train:
    """What a training of more steps must share to go on from one of fewer.

    Where checkpoints are scored, the last step is one of those, so a longer training is another one.
    """
    return train if train.select else replace(train, steps=1, keep_state=False)


def step_maker(job: Job, backbone: LoadedBackbone, cache: Path) -> StepMaker:
    """The source of micro-batches; encodes what is to be cached."""
    train = job.train
    size_px, root = backbone.facts.resolution_px, job.run.root
    crops = Crops(root, job.samples, size_px, train.crop_range, train.crop_variants, job.seed, train.stored_latents)
    latents: Latents = EncodedLatents(crops, backbone)
    if train.cache_latents:
        shared = CropStore(job.run.class_image_store / "crops", encoder_fingerprint(backbone))
        latents = cached_latents(crops, backbone, cache, shared)
    return StepMaker(
        batches=Batches(job.samples, job.seed, (("subject", train.batch), ("class", train.class_rows))),
        subjects={subject.name: subject for subject in job.subjects},
        latents=latents,
        crop_counts=tuple(crops.count(index) for index in range(len(job.samples))),
        process=backbone.process,
        predictor=BackbonePredictor(backbone, train.adapter),
        adjective_dropout=train.adjective_dropout,
        background_dropout=train.background_dropout,
        suffixes={"subject": train.subject_suffix, "class": train.class_suffix},
        noise_pool=train.noise_pool,
        frame=crops.frame,
    )


def _selection(job: Job, backbone: LoadedBackbone, folder: Path) -> Selection | None:
    if job.train.select is None:
        return None
    side_px = backbone.facts.resolution_px
    photos = tuple((one, square(job.run.root / job.held[one.name], side_px)) for one in job.subjects)
    return Selection(job.train, photos, folder)


def _state(job: Job, backbone: LoadedBackbone) -> State:
    keep_base = "frozen_base" in Composed(job.train.objectives).needs()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(job.seed, "adapter"))
        return start(job.train, backbone, job.subjects, keep_base)


def _sweep(folder: Path, afresh: bool) -> None:
    """Removes what killed writes left, and, before the first step, what an earlier training with other settings drew."""
    for file in folder.rglob(".*.tmp"):
        if file.is_file():
            file.unlink()
    for name in ("previews", "tensorboard") if afresh else ():
        shutil.rmtree(folder / name, ignore_errors=True)
    if afresh:
        (folder / FILE).unlink(missing_ok=True)


def _export(job: Job, state: State, chosen: int | None) -> None:
    """Writes the model beside its place, then moves it there whole."""
    model = job.run.model
    made = model.with_name(f".{model.name}.tmp")
    shutil.rmtree(made, ignore_errors=True)
    state.adapter.export(state.backbone, made)
    tokens = {file.identifier: (file.token, file.path.name) for file in token_files(made)}
    card = Card(job.backbone, state.backbone.facts, job.train, job.subjects, job.seed, state.step, tokens, chosen)
    write_text(made / "README.md", card.render())
    shutil.rmtree(model, ignore_errors=True)
    made.rename(model)
