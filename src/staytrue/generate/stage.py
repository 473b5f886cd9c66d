"""The stage ``generate``: from ``4-training/model`` to pictures in ``5-images``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from staytrue.backbones.identity import backbone_identity
from staytrue.generate.config import Cast, Generate
from staytrue.generate.guides import together
from staytrue.generate.personalized import personalize
from staytrue.generate.prompts import Prompt, concept_prompts, fill
from staytrue.generate.sampling import Request, draw, whole_batches
from staytrue.generate.seeds import picture_seed
from staytrue.generate.sheets import subject_grid
from staytrue.images.metadata import png_bytes, read_png_facts
from staytrue.runs import RunFolder, fingerprint, manifest_key, run_stage, write_bytes, write_jsonl
from staytrue.types import Facts, Picture, Subject, with_suffix

if TYPE_CHECKING:
    from staytrue.backbones.base import Backbone, LoadedBackbone

PICTURES, CONCEPT = "images.jsonl", "concept.jsonl"


@dataclass(frozen=True)
class Task:
    """One picture of the stage, with what its PNG will say about itself."""

    picture: Picture
    facts: dict[str, object]
    named: Cast

    @property
    def request(self) -> Request:
        named = tuple((s.identifier, s.class_noun) for s in self.named) if self.picture.model == "personalized" else ()
        return Request(self.picture.prompt, self.picture.seed, named, self.picture.prompt_plain)


def generate_stage(
    run: RunFolder, generate: Generate, subjects: Sequence[Subject], backbone: Backbone, device: str = "cpu"
) -> bool:
    """Draws every prompt of every subject, and of every two, with the trained model, and with the base model where asked.

    And apart from these, for the report alone, what each identifier draws by itself.

    Pictures that an interrupted run left are kept if their own metadata says that they are the ones asked for. What lacks is
    drawn in the batches of the whole plan, so that it has the bits it would have had without the interruption.

    Args:
        run: the run; its training must be complete.
        generate: the section of the config.
        subjects: of the run.
        backbone: the base model.
        device: to draw on.

    Returns:
        True if it ran, False if everything was there already.
    """
    facts, trained = backbone.facts(), _weights(run, generate)
    casts = {"+".join(s.name for s in cast): (cast, asked) for cast, asked in generate.casts(subjects, facts)}
    inputs = {"generate": generate, "subjects": list(subjects), "backbone": backbone, "training": trained}
    inputs |= {"prompts": {name: asked for name, (_, asked) in casts.items()}}
    if beside := generate.beside(subjects):
        inputs["beside"] = [(one.identifier, one.class_noun) for one in beside]

    def work(folder: Path) -> dict[str, Any]:
        around = (*subjects, *beside)  # a prompt may name by hand whom it is not drawn for
        filled = [(cast, [fill(t, *cast, beside=around) for t in asked]) for cast, asked in casts.values()]
        tasks = list(_tasks(generate, filled, facts, {"base": backbone_identity(backbone), "personalized": trained}))
        concept = list(_concept(generate, subjects, facts, trained))
        if any(_lacks(folder, t) for t in (*tasks, *concept)):
            _draw(run, tasks, concept, generate, lambda: backbone.load(device))
        _remove_others(folder, {t.picture.file for t in (*tasks, *concept)})
        write_jsonl(folder / PICTURES, [t.picture for t in tasks])
        write_jsonl(folder / CONCEPT, [t.picture for t in concept])
        for name, (cast, _) in casts.items():
            names = tuple(subject.name for subject in cast)
            if pictures := [t.picture for t in tasks if t.picture.subjects == names]:
                sheet = subject_grid(run, names, pictures)
                write_bytes(folder / f"grid-{name}.png", png_bytes(sheet, {"subject": name}))
        return {"pictures": len(tasks), "model": facts.title}

    return run_stage(run.images, inputs, work)


def _weights(run: RunFolder, generate: Generate) -> str:
    """What the personalized model is made of: the training, and the content of every LoRA beside it."""
    trained = manifest_key(run.training)
    if not generate.loras and generate.lora_weight == 1.0:
        return trained
    places = [source.place() for source in generate.loras]
    files = [sorted(p.glob("*.safetensors")) if p.is_dir() else [p] for p in places]
    contents = [[fingerprint(file) for file in found] for found in files]
    return fingerprint([trained, generate.lora_weight, contents, [source.weight for source in generate.loras]])


def _tasks(
    generate: Generate, casts: list[tuple[Cast, list[Prompt]]], facts: Facts, keys: dict[str, str]
) -> Iterator[Task]:
    for model in ("base", "personalized") if generate.base else ("personalized",):
        for cast, prompts in casts:
            for index, bare in enumerate(prompts):
                prompt = replace(bare, text=with_suffix(bare.text, generate.suffix))
                for number in range(generate.images_per_prompt):
                    picture = _picture(cast, prompt, (index, number), (model, generate.seed))
                    yield Task(picture, _facts(picture, generate, facts, keys[model]), prompt.named)


def _concept(generate: Generate, subjects: Sequence[Subject], facts: Facts, key: str) -> Iterator[Task]:
    bare = _bare(generate)
    for subject in subjects:
        for index, prompt in enumerate(concept_prompts(subject)):
            for number in range(generate.concept):
                picture = _picture((subject,), prompt, (index, number), ("personalized", generate.seed))
                picture = replace(picture, file=picture.file.replace("/personalized/", "/concept/"))
                yield Task(picture, _facts(picture, bare, facts, key), prompt.named)


def _bare(generate: Generate) -> Generate:
    """Without what would draw the word toward anything but what it has come to mean: TEA turns it back to its class."""
    return replace(generate, sampling=replace(generate.sampling, negative="", tea=None), guides={})


def _picture(cast: Cast, prompt: Prompt, place: tuple[int, int], source: tuple[Any, int]) -> Picture:
    (index, number), (model, seed) = place, source
    slug = re.sub(r"[^a-z0-9]+", "-", prompt.plain.lower()).strip("-")[:60]
    first, *others = (subject.name for subject in cast)
    return Picture(
        file=f"{'+'.join((first, *others))}/{model}/{index:02d}-{slug}-{number}.png",
        subject=first,
        others=tuple(others),
        prompt=prompt.text if model == "personalized" else prompt.plain,
        prompt_plain=prompt.plain,
        seed=picture_seed(seed, prompt.plain, number),
        model=model,
    )


def _facts(picture: Picture, generate: Generate, facts: Facts, key: str) -> dict[str, object]:
    """What the PNG says about itself: enough to draw it again, and to know whether it is the one asked for."""
    sampling = generate.sampling
    about = {"prompt": picture.prompt, "negative_prompt": sampling.negative, "seed": picture.seed}
    about |= {"model": f"{facts.title}, {picture.model}", "weights": key, "solver": sampling.solver}
    if sampling.tea and picture.model == "personalized":
        about |= {"tea": str(sampling.tea)}
    guides = [str(guide) for guide in generate.guides.values() if guide.weight]
    if guides and picture.model == "personalized":
        about |= {"guides": ", ".join(guides)}
    return about | {"steps": sampling.steps, "guidance": sampling.guidance, "software": "staytrue"}


def _remove_others(folder: Path, wanted: set[str]) -> None:
    """Pictures of earlier prompts would otherwise lie among those of these."""
    for path in folder.glob("*/*/*.png"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def _lacks(folder: Path, task: Task) -> bool:
    try:
        return read_png_facts(folder / task.picture.file) != {k: str(v) for k, v in task.facts.items()}
    except (OSError, SyntaxError):  # not there, or a disk that failed
        return True


def _draw(
    run: RunFolder, tasks: list[Task], concept: list[Task], generate: Generate, load: Callable[[], LoadedBackbone]
) -> None:
    """What lacks; the base model's pictures first: then the same loaded model is personalized."""
    backbone = load()
    plans = {m: [t for t in tasks if t.picture.model == m] for m in ("base", "personalized")} | {"concept": concept}
    personal = False
    if unknown := backbone.facts.unknown([t.picture.prompt_plain for t in tasks if _lacks(run.images, t)]):
        warnings.warn(f"{backbone.facts.title} does not know: {', '.join(unknown)}", stacklevel=2)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        for name, plan in plans.items():
            mine = whole_batches(plan, generate.sampling.batch, lambda t: _lacks(run.images, t))
            if mine and name != "base" and not personal:
                personalize(backbone, run.model, generate.loras, generate.lora_weight)
                personal = True
            bar = progress.add_task(f"drawing, {name}", total=len(mine))
            asked = _bare(generate) if name == "concept" else generate
            guides = asked.guides.values() if mine and name == "personalized" else ()
            guide = together(guides, backbone, load)
            requests, advance = [t.request for t in mine], lambda *_, bar=bar: progress.advance(bar)
            images = draw(backbone, requests, asked.sampling, advance, guide)
            for task, image in zip(mine, images, strict=True):
                if _lacks(run.images, task):
                    write_bytes(run.images / task.picture.file, png_bytes(image, task.facts))
