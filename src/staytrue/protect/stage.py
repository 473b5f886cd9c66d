"""Photos to protected photos: squares at the backbone's size, the attack, lossless files, and what was measured."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from staytrue.backbones.base import Backbone, LoadedBackbone
from staytrue.backbones.identity import backbone_identity
from staytrue.diffusion.randomness import derived_seed
from staytrue.errors import ConfigError
from staytrue.images.crop import fit, pixels_pm1
from staytrue.images.load import load_folder
from staytrue.images.metadata import png_bytes
from staytrue.images.scan import scan_folder
from staytrue.protect.base import Demanding, Naming, Scene
from staytrue.protect.config import Protect, ProtectConfig
from staytrue.protect.measure import changed_by, control, denoising_losses, distances, mismatches, perceptual
from staytrue.protect.pgd import quantized
from staytrue.protect.radius import levels, said
from staytrue.protect.report import write_page
from staytrue.protect.surrogate import Surrogate
from staytrue.protect.written import CAPTIONS, FACTS, PAGE, PHOTOS, clear, require_apart, require_own
from staytrue.runs import fingerprint, is_complete, run_stage, write_bytes, write_json, write_text
from staytrue.types import Facts, Subject


@dataclass(frozen=True)
class Against:
    """The model that photos are protected against.

    Attributes:
        backbone: not loaded.
        device: to attack on.
        seed: of the attack.
    """

    backbone: Backbone
    device: str = "cpu"
    seed: int = 0


def protect_stage(config: ProtectConfig, folder: Path, device: str = "cpu", to_train: bool = False) -> bool:
    """Writes ``photos/`` (PNG), ``protect.json`` and ``report.html`` into the folder, and ``captions/`` where photos have some.

    Args:
        config: whose photos, and how they are protected.
        folder: to write.
        device: to attack on.
        to_train: whether the photos are for training, not for publishing: then their captions, which may name people, lie beside
            them, and stand for the subject's own.

    Returns:
        True if the work ran, False if the folder was complete already.

    Raises:
        ConfigError: the photos would be written among the originals, or among files that were not written here; or a picture or
            weights that the settings name are not there.
        ImageError: photos that cannot be used.
        BackboneError: the backbone cannot be attacked.
    """
    against = Against(config.backbone, device, config.seed)
    require_apart(folder, _folders(config))
    _require(config.protect, config.subject, config.backbone)
    captions = PHOTOS if to_train else CAPTIONS
    inputs = _inputs(config) | {"captions": captions}
    if not is_complete(folder, inputs):
        require_own(folder)
    return run_stage(folder, inputs, lambda here: _work(config, against, here, captions))


def protect_images(
    protect: Protect, images: Sequence[Image.Image], subject: Subject, against: Against
) -> list[Image.Image]:
    """Protected copies of pictures that have the backbone's size already; nothing is measured or written.

    Every value of a result is a whole level within the radius of its picture's.
    """
    _require(protect, subject, against.backbone)
    return _attacked(protect, _scene(protect, list(images), subject, against))


def protect_subjects(
    protections: Mapping[str, Protect], subjects: Sequence[Subject], against: Against, folder: Path
) -> dict[tuple[str, str], Path]:
    """Protects the photos of many subjects in many ways, for a benchmark; what is complete already is not made again.

    Args:
        protections: by a name of the caller's, which names a folder.
        subjects: whose photos.
        against: the model.
        folder: each set goes to ``<folder>/<protection>/<subject>``.

    Returns:
        For each (protection, subject) the folder of the protected photos, which may stand in for ``subject.photos``: their captions
        lie beside them.
    """
    made = {}
    for name, protect in protections.items():
        for subject in subjects:
            config = ProtectConfig(subject=subject, backbone=against.backbone, seed=against.seed, protect=protect)
            protect_stage(config, folder / name / subject.name, against.device, to_train=True)
            made[name, subject.name] = folder / name / subject.name / PHOTOS
    return made


def _require(protect: Protect, subject: Subject, backbone: Backbone) -> None:
    if isinstance(protect.method, Demanding):
        protect.method.require(backbone, subject.class_noun)


def _folders(config: ProtectConfig) -> list[Path]:
    """Those that photos are read from."""
    return list(filter(None, (config.subject.photos, config.protect.reference)))


def _inputs(config: ProtectConfig) -> dict[str, Any]:
    """All that the outcome depends on; a batch and a place on disk do not."""
    photos = [[(f.path.name, fingerprint(f.path), f.text) for f in scan_folder(folder)] for folder in _folders(config)]
    subject = (config.subject.class_noun, config.subject.identifier)
    protect, backbone = replace(config.protect, batch=1), config.backbone
    inputs = {"protect": protect, "subject": subject, "backbone": backbone, "seed": config.seed, "photos": photos}
    inputs["weights"] = backbone_identity(backbone)
    if isinstance(protect.method, Naming):
        inputs["named"] = protect.method.identity(backbone, config.subject.class_noun)
    return inputs


def _work(config: ProtectConfig, against: Against, folder: Path, captions: str) -> dict[str, Any]:
    protect, subject, facts = config.protect, config.subject, config.backbone.facts()
    photos = load_folder(subject.photos)
    clean = squares([photo.image for photo in photos], facts)
    started = time.monotonic()
    scene = _scene(protect, clean, subject, against)
    protected = _attacked(protect, scene)
    seconds = time.monotonic() - started
    clear(folder)
    names = [_file_name(number, photo.path) for number, photo in enumerate(photos, start=1)]
    texts = {f"{captions}/{Path(n).stem}.txt": p.text for n, p in zip(names, photos, strict=True) if p.text}
    written = {"files": names, "written": [*(f"{PHOTOS}/{name}" for name in names), *texts]}
    write_json(folder / FACTS, written)  # first, so that a run killed below knows these files for its own
    for name, image in zip(names, protected, strict=True):
        write_bytes(folder / PHOTOS / name, png_bytes(image))
    for name, text in texts.items():
        write_text(folder / name, text + "\n")
    told = _measured(protect, scene, (clean, protected), facts) | written
    told |= {
        "seconds": seconds,
        "method": protect.method,
        "radius": said(protect.radius),
        "seed": config.seed,
    }
    told |= {"backbone": facts.title, "class_noun": subject.class_noun, "size_px": facts.resolution_px}
    told |= {"captions": captions if texts else None, "repeated": any(photo.repeats > 1 for photo in photos)}
    write_json(folder / FACTS, told)
    write_page(folder / PAGE, told, (clean, protected), levels(protect.radius))
    return {"photos": len(names), "seconds": round(seconds, 3), "outputs": [*written["written"], FACTS, PAGE]}


def squares(images: Sequence[Image.Image], facts: Facts) -> list[Image.Image]:
    """The center squares at the backbone's size: what training would see of the photos under the center crop."""
    return [fit(image, facts.resolution_px) for image in images]


def _scene(protect: Protect, clean: list[Image.Image], subject: Subject, against: Against) -> Scene:
    facts = against.backbone.facts()
    if any(image.size != (facts.resolution_px,) * 2 for image in clean):
        raise ConfigError(f"pictures to protect must be {facts.resolution_px} px squares, as this backbone sees them")
    pixels = _unit(clean, against.device)
    others = load_folder(protect.reference) if protect.reference else []
    reference = _unit(squares([photo.image for photo in others], facts), against.device) if others else pixels
    return Scene(
        clean=pixels,
        reference=reference,
        subject=subject,
        radius=protect.radius,
        seed=derived_seed(against.seed, "protect"),
        batch=protect.batch,
        fresh=_loader(against, facts),
        spec=against.backbone,
    )


def _loader(against: Against, facts: Facts) -> Callable[[str | None], LoadedBackbone]:
    def fresh(path: str | None) -> LoadedBackbone:
        if path is None:
            return against.backbone.load(against.device)
        other = replace(against.backbone, path=path)  # type: ignore[type-var]
        if other.facts().resolution_px != facts.resolution_px:
            raise ConfigError(f"protect.method.checkpoints: {path} draws pictures of another size than the backbone")
        return other.load(against.device)

    return fresh


def _attacked(protect: Protect, scene: Scene) -> list[Image.Image]:
    """The attack with a progress bar, its result in whole levels."""
    total = protect.method.gradients()
    with Progress(console=Console(stderr=True), transient=True, disable=not total) as progress:
        task = progress.add_task(f"protect: {protect.method.name}", total=total)
        x = protect.method.perturb(replace(scene, tick=lambda: progress.advance(task)))
    center = (scene.clean * 255).round().to(torch.uint8)
    rows = quantized(x, center, scene.radius).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(row) for row in rows]


def _measured(
    protect: Protect, scene: Scene, pictures: tuple[list[Image.Image], list[Image.Image]], facts: Facts
) -> dict[str, Any]:
    clean, protected = pictures
    device, noun = str(scene.clean.device), scene.subject.class_noun
    sets = {"clean": scene.clean, "random_noise": control(scene), "protected": _unit(protected, device)}
    return {
        "changed": [changed_by(a, b) for a, b in zip(clean, protected, strict=True)],
        "perceptual": perceptual(clean, protected, device),
        "distance": distances(clean, protected, facts, protect),
        "denoising_loss": denoising_losses(Surrogate(scene.fresh(None), scene), sets),
        "mismatch": mismatches(clean, protected, noun, facts, protect),
    }


def _unit(images: Sequence[Image.Image], device: str) -> Tensor:
    """Pictures in [0, 1]; the very float of each level, so that levels can be read back exactly."""
    levels_of = (pixels_pm1(list(images)) + 1) * 127.5
    return (levels_of.round() / 255).to(device)


def _file_name(number: int, photo: Path) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", photo.stem.lower()).strip("-")[:40]
    return f"{number:02d}-{stem}.png" if stem else f"{number:02d}.png"
