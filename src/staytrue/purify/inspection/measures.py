"""Every measure of a photo, by name, and what it means in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image

from staytrue.errors import MissingExtraError, StaytrueError
from staytrue.images.load import Photo
from staytrue.purify.inspection import pixels
from staytrue.purify.inspection.jpeg_history import jpeg_quality
from staytrue.purify.scaled import as_seen

if TYPE_CHECKING:
    from staytrue.purify.base import Cleaner
    from staytrue.purify.tools import Tools

SAYS = {
    "mismatch": "CLIP takes it for noise rather than for {noun}",
    "class_cosine": "CLIP sees little of {noun} in it",
    "noise_level": "it is noisy",
    "high_frequency": "it has more fine detail than ordinary photos",
    "round_trip": "the model's autoencoder cannot reproduce it",
    "latent_shift": "its finest detail moves the model's latents",
    "latent_gain": "its finest detail moves the model's latents more than detail does",
    "latent_aim": "its finest detail moves the model's latents more than the same detail scrambled",
    "denoising_gap": "its finest detail confuses the denoiser",
    "jpeg_quality": "it was saved as JPEG of low quality",
    "blockiness": "it shows the blocks of JPEG compression",
    "sharpness": "it is blurred",
    "brightest": "it is too dark",
    "darkest": "it is too bright",
    "shorter_side_px": "it is smaller than the model's pictures",
    "nearest_other": "it is nearly the same as another",
}
PERTURBATION = (
    "mismatch",
    "class_cosine",
    "high_frequency",
    "round_trip",
    "latent_shift",
    "latent_gain",
    "latent_aim",
    "denoising_gap",
)
# beyond the limit of any of these a photo may have been guarded on purpose, so cleaning it asks for the rights
MAY_BE_GUARDED = (*PERTURBATION, "noise_level")
MEASURES = 3  # a change of what is measured, or how, makes what was measured before incomparable


@dataclass
class Measured:
    """The measures of a subject's photos.

    Attributes:
        rows: per photo, value by name; a measure that could not be taken is absent.
        twins: per photo, the index of the one most like it.
        embeddings: CLIP's, per photo and, as a control, of the photo with random noise; None without CLIP.
        skipped: what was not measured, and why.
    """

    rows: list[dict[str, float]]
    twins: list[int | None]
    embeddings: Any = None
    skipped: list[str] = field(default_factory=list)


def measure(photos: Sequence[Photo], tools: Tools, depth: str, clip: str) -> Measured:
    """Takes every measure that the depth allows.

    Args:
        photos: of one subject.
        tools: with the subject's class noun and the backbone.
        depth: "pixels", "clip" or "model".
        clip: of the settings.
    """
    images = [photo.image for photo in photos]
    near = pixels.nearest_other(images)
    side_px = tools.facts.resolution_px if tools.facts else None
    measured = Measured([_of_file(photo, side_px) for photo in photos], [twin for _, twin in near])
    for row, (difference, twin) in zip(measured.rows, near, strict=True):
        if twin is not None:
            row["nearest_other"] = difference
    if depth in ("clip", "model"):
        _see(measured, images, tools, clip)
    if depth == "model" and tools.spec:
        from staytrue.purify.inspection.model import model_measures

        prompt, restore = tools.prompt("a photo of {}"), _restorer(measured, tools)
        found = model_measures(tools.backbone(), images, prompt, restore)
        for row, more in zip(measured.rows, found, strict=True):
            row |= more
    return measured


def of_picture(image: Image.Image, side_px: int | None = None) -> dict[str, float]:
    """The measures of pixels alone.

    Noise, fine detail and sharpness are those that the model sees: at camera size a photo is softer, and noisier, than what is
    trained on. Blocks and the shorter side are of the picture as it came.

    Args:
        image: as it came.
        side_px: of the model's pictures; a larger one is measured with its shorter side brought to it. None takes it as it is.
    """
    seen = as_seen(image, side_px)
    return {
        "noise_level": pixels.noise_level(seen),
        "high_frequency": pixels.high_frequency(seen),
        "blockiness": pixels.blockiness(image),
        "sharpness": pixels.sharpness(seen),
        "brightest": pixels.brightest(seen),
        "darkest": pixels.darkest(seen),
        "shorter_side_px": float(min(image.size)),
    }


def _of_file(photo: Photo, side_px: int | None) -> dict[str, float]:
    row, quality = of_picture(photo.image, side_px), jpeg_quality(photo.path)
    return row if quality is None else row | {"jpeg_quality": quality}


def _restorer(measured: Measured, tools: Tools) -> Cleaner | None:
    """The one that comes with the backbone."""
    from staytrue.purify.restore import Restore

    try:
        return Restore().load(tools)
    except MissingExtraError as error:  # there is one: the miniature's
        measured.skipped.append(f"latent_aim, without which photos under Glaze and MetaCloak look ordinary: {error}")
        return None
    except StaytrueError as error:
        measured.skipped.append(f"latent_aim: {error}")
        return None


def _see(measured: Measured, images: list[Image.Image], tools: Tools, checkpoint: str) -> None:
    from staytrue.purify.inspection.zero_shot import look, own_clip

    clip, reason = own_clip(checkpoint, tools)
    if clip is None:
        measured.skipped.append(f"image-text mismatch: {reason}")
        return
    sight = look(clip, images, tools.class_noun)
    for row, mismatch, cosine in zip(measured.rows, sight.mismatch, sight.class_cosine, strict=True):
        row |= {"mismatch": mismatch, "class_cosine": cosine}
    measured.embeddings = sight.embeddings
