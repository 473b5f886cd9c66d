"""What the red team measures of one run beside MiniBench's scores: quality, the paper's likeness, the photos, the inspection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from staytrue.bench import metrics
from staytrue.bench.arms import CLEAN, UNDEFENDED
from staytrue.bench.judge import Drawn, Judges, photos_in
from staytrue.bench.plan import Setting, Task
from staytrue.bench.protected import Protecting
from staytrue.bench.quality import calibration, quality
from staytrue.config import RunConfig
from staytrue.images.crop import fit, pixels_pm1
from staytrue.images.load import Photo, load_folder
from staytrue.purify import Tools
from staytrue.purify.inspection.measures import MEASURES, PERTURBATION, measure
from staytrue.purify.inspection.verdict import calibrated_on, judge, read_limits
from staytrue.purify.jpeg import Jpeg
from staytrue.runs import RunFolder, fingerprint, read_json

if TYPE_CHECKING:
    from PIL import Image

NEGATIVE_JPEG = Jpeg(quality=75)


@dataclass(frozen=True)
class Attacked:
    """A run of the red team.

    Attributes:
        task: its training.
        one: its setting.
        config: of the run, whose photos are the protected ones.
        made: the protection; None for clean photos.
    """

    task: Task
    one: Setting
    config: RunConfig
    made: Protecting | None


def attacked_scores(here: RunFolder, run: Attacked, drawn: Drawn, judges: Judges) -> dict[str, Any]:
    """All of it, per picture or per photo.

    Returns:
        ``quality`` and ``identity_thresholded`` of every picture, in the order of the record's rows; ``to_clean`` of every photo
        that was trained on, with the distance's name; seconds; and, where nothing was done against it, the suspicion of
        every photo that the inspection sees.
    """
    subject = run.task.member.subject
    pictures = [picture for some in drawn.pictures for picture in some]
    heldout = photos_in(subject.heldout)
    seen = calibration()
    distance, to_clean = _to_clean(here, run)
    found: dict[str, Any] = {
        "quality": quality(pictures, seen).tolist(),
        "quality_calibration": vars(seen),
        "identity_thresholded": metrics.thresholded_identity(_rows(judges, pictures), _rows(judges, heldout)).tolist(),
        "to_clean": to_clean,
        "distance": distance,
        "protecting_s": run.made.seconds if run.made else 0.0,
        "cleaning_s_per_photo": _cleaning_s(here),
    }
    return found | ({"inspection": inspected(run)} if run.one.variant.arm.defense == UNDEFENDED else {})


def _rows(judges: Judges, images: Sequence[Image.Image]) -> Any:
    return judges.dino.images(list(images)).numpy().astype(np.float64)


def _to_clean(here: RunFolder, run: Attacked) -> tuple[str, list[float]]:
    """How far the photos that were trained on, protected and cleaned, are from the subject's own."""
    measure_of, side_px = _distance(), run.config.backbone.facts().resolution_px
    clean = [fit(photo.image, side_px) for photo in load_folder(run.task.member.subject.photos)]
    trained = [fit(photo.image, side_px) for photo in load_folder(here.purified / run.task.member.name)]
    pairs = zip(trained, clean[: len(trained)], strict=True)  # a suite may train on the first few only
    return measure_of.name, [float(measure_of.between(pixels_pm1([a]), pixels_pm1([b]))) for a, b in pairs]


@cache
def _distance() -> Any:
    from staytrue.purify.distance import perceptual_distance

    return perceptual_distance()


def _cleaning_s(here: RunFolder) -> float:
    return float(read_json(here.cleaning)["means"]["seconds_per_photo"]) if here.cleaning.is_file() else 0.0


def inspected_by(config: RunConfig) -> str:
    """Changes with what a suspicion depends on besides the photos."""
    inspect = config.inspect
    limits = read_limits(inspect.limits, config.backbone.facts().is_miniature)
    return fingerprint([inspect.depth, inspect.clip, limits, MEASURES])


def inspected(run: Attacked) -> dict[str, Any]:
    """How suspicious each photo looks; of clean ones also after JPEG 75. None where no measure of perturbation has a limit."""
    config, facts = run.config, run.config.backbone.facts()
    photos = load_folder(config.subjects[0].photos)
    limits = read_limits(config.inspect.limits, facts.is_miniature)
    found: dict[str, Any] = {
        "suspicion": _suspicion(run, photos, limits),
        "calibrated_on": list(calibrated_on(config.inspect.limits, facts.is_miniature)),
        "by": inspected_by(config),
    }
    if run.one.variant.arm.protection == CLEAN:
        saved = [Photo(photo.path, NEGATIVE_JPEG.purify(photo.image)) for photo in photos]
        found["suspicion_jpeg"] = _suspicion(run, saved, limits)
    return found


def _suspicion(run: Attacked, photos: list[Photo], limits: dict[str, Any]) -> list[float | None]:
    config, noun = run.config, run.task.member.subject.class_noun
    tools = Tools(config.backbone, "cpu", config.seed, noun)
    pictures = [
        Photo(photo.path, photo.image) for photo in photos
    ]  # no word of the file's history: these were made here
    rows = measure(pictures, tools, config.inspect.deep(config.backbone.facts().is_miniature), config.inspect.clip).rows
    return [judge(r, limits, noun).suspicion if set(r) & set(limits) & set(PERTURBATION) else None for r in rows]
