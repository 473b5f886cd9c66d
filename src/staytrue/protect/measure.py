"""What a protection did to the photos, in numbers that need no training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from staytrue.errors import StaytrueError
from staytrue.grammar import with_article
from staytrue.images.crop import pixels_pm1
from staytrue.protect.base import Scene
from staytrue.protect.random_noise import RandomNoise
from staytrue.purify.distance import perceptual_distance
from staytrue.types import Facts

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from staytrue.protect.config import Protect
    from staytrue.protect.surrogate import Surrogate

CONTRAST, DRAWS = 100.0, 8
CLIP_HUB = "openai/clip-vit-base-patch32"


@dataclass(frozen=True)
class Mismatch:
    """How well a picture fits its class prompt, to CLIP.

    Attributes:
        cosine: of the picture with "a photo of a [noun]", in [-1, 1].
        noise_share: softmax of 100 cos over that prompt and "a photo of noise": the share of "noise", in [0, 1].
    """

    cosine: float
    noise_share: float


def changed_by(clean: Image.Image, protected: Image.Image) -> dict[str, float | None]:
    """Largest and mean change in 8-bit levels, and the PSNR in dB (None where nothing changed).

    PSNR = 10 log10(255^2 / mean square difference), over all values of the picture.
    """
    difference = np.asarray(protected).astype(np.int16) - np.asarray(clean).astype(np.int16)
    square = float(np.square(difference.astype(np.float64)).mean())
    return {
        "largest_levels": int(np.abs(difference).max()),
        "mean_levels": float(np.abs(difference).mean()),
        "psnr_db": 10 * float(np.log10(255**2 / square)) if square else None,
    }


def amplified(clean: Image.Image, protected: Image.Image, radius_levels: int) -> Image.Image:
    """The difference around middle gray, scaled so that the radius is black or white."""
    from PIL import Image

    difference = np.asarray(protected).astype(np.float64) - np.asarray(clean)
    return Image.fromarray((127.5 + 127.5 * difference / radius_levels).round().clip(0, 255).astype(np.uint8))


def mismatches(
    clean: Sequence[Image.Image], protected: Sequence[Image.Image], noun: str, facts: Facts, protect: Protect
) -> dict[str, Any]:
    """How well each picture fits its class prompt before and after, with the CLIP in words; or why that is not known.

    Source: DiffShortcut (arXiv 2406.18944), section on the latent mismatch, a zero-shot CLIP classifier of "person" and
    "noise"; its prompts and checkpoint are not public, so these are ours.
    """
    from staytrue.encoders.own import own_clip

    try:
        spec = own_clip(protect.clip, facts, "protect.clip")
        clip = spec.load()
    except StaytrueError as error:
        return {"before": None, "after": None, "refused": str(error)}
    texts = clip.texts([f"a photo of {with_article(noun)}", "a photo of noise"])
    before, after = (_fits(clip.images(list(images)) @ texts.T) for images in (clean, protected))
    return {"before": before, "after": after, "clip": spec.title}


def _fits(cosines: Tensor) -> list[Mismatch]:
    shares = (CONTRAST * cosines).softmax(dim=1)
    return [Mismatch(float(c[0]), float(s[1])) for c, s in zip(cosines, shares, strict=True)]


def distances(
    clean: Sequence[Image.Image], protected: Sequence[Image.Image], facts: Facts, protect: Protect
) -> dict[str, Any]:
    """1 - cosine of the two pictures' embeddings by the image judge, with the judge in words; or why there is none.

    It grows where the judge sees another thing, and is about 0 where it does not.
    """
    from staytrue.encoders.judges import dino_judge, is_miniature
    from staytrue.encoders.world import require_drawn

    try:
        if is_miniature(protect.judge, facts):
            require_drawn(list(clean), "protect.judge")
        judge = dino_judge(protect.judge, facts, "protect.judge").load()
    except StaytrueError as error:
        return {"values": None, "refused": str(error)}
    cosine = (judge.images(list(clean)) * judge.images(list(protected))).sum(dim=1)
    return {"values": [1 - float(c) for c in cosine], "judge": f"1 - cosine of {judge.judge}"}


def perceptual(clean: Sequence[Image.Image], protected: Sequence[Image.Image], device: str = "cpu") -> dict[str, Any]:
    """How far each protected picture looks from the clean one, with the distance in words: LPIPS or 1 - SSIM."""
    distance = perceptual_distance(device)
    pairs = [[pixels_pm1([image]).to(device) for image in pair] for pair in zip(clean, protected, strict=True)]
    return {"values": [float(distance.between(*pair)) for pair in pairs], "name": distance.name}


def denoising_losses(surrogate: Surrogate, pictures: dict[str, Tensor]) -> dict[str, float]:
    """Mean loss of the untouched model on each set of pictures, on the same noise and timesteps for all of them."""
    scene, caption = surrogate.scene, surrogate.scene.class_caption()
    rows, means = list(range(len(scene.clean))), {}
    for name, pixels in pictures.items():
        with torch.no_grad():
            losses = [
                surrogate.denoising(pixels[part], part, -1 - draw, caption)
                for draw in range(DRAWS)
                for part in (rows[start : start + scene.batch] for start in range(0, len(rows), scene.batch))
            ]
        means[name] = float(torch.cat(losses).mean())
    return means


def control(scene: Scene) -> Tensor:
    """Random noise of the same radius on the same photos."""
    return RandomNoise().perturb(scene)
