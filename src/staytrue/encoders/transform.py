"""What is done to a picture before an encoder sees it, and how that is said in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from staytrue.images.crop import center_box, pixels_pm1

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Triple = tuple[float, float, float]
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Transform:
    """Resize, center crop, normalize.

    Attributes:
        crop_px: side of the square that the encoder sees.
        resize_px: the shorter side is brought to this before (bicubic, antialiased); None: pictures must have the
            size already.
        mean: subtracted from each channel in [0, 1].
        std: each channel is then divided by it.
    """

    crop_px: int
    resize_px: int | None
    mean: Triple = HALF
    std: Triple = HALF

    def __str__(self) -> str:
        scaling = "no resizing" if self.resize_px is None else f"shorter side to {self.resize_px} px bicubic"
        crop = "" if self.resize_px is None else f", center crop {self.crop_px} px"
        return f"{scaling}{crop}, mean {_said(self.mean)}, std {_said(self.std)}"

    def __call__(self, images: list[Image.Image]) -> Float[Tensor, "rows 3 side side"]:
        """Pictures as normalized float32 rows."""
        import torch

        unit = (pixels_pm1([self._crop(image.convert("RGB")) for image in images]) + 1) / 2
        mean, std = (torch.tensor(t).view(1, 3, 1, 1) for t in (self.mean, self.std))
        return (unit - mean) / std

    def _crop(self, image: Image.Image) -> Image.Image:
        if self.resize_px is None:
            return image
        scale = self.resize_px / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        scaled = image.resize(size, Image.Resampling.BICUBIC)
        left, top, _, _ = center_box(scaled.size)
        inset = (self.resize_px - self.crop_px) // 2
        return scaled.crop((left + inset, top + inset, left + inset + self.crop_px, top + inset + self.crop_px))


def _said(values: Triple) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "(" + " ".join(f"{v:.3f}" for v in values) + ")"
