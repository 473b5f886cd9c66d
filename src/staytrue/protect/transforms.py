"""What may happen to a photo before it is learned from: random blur and mirror, and any purifier, straight through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from staytrue.images.crop import pixels_pm1, to_images
from staytrue.protect.draws import generators

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image

SIGMA_PX = (0.1, 2.0)


def transformed(
    pixels: Float[Tensor, "rows 3 height width"], seeds: tuple[int, list[int], int], blur_px: int, mirror: float
) -> Float[Tensor, "rows 3 height width"]:
    """Each row blurred by a random Gaussian and, with a probability, mirrored.

    Args:
        pixels: of the rows.
        seeds: seed, rows and number of the draw.
        blur_px: side of the kernel, odd; 0 for no blur. Its sigma is uniform in ``SIGMA_PX``, each row its own.
        mirror: probability.
    """
    made = []
    for row, generator in zip(pixels, generators(*seeds, "transform"), strict=True):
        chance, place = torch.rand(2, generator=generator).tolist()
        blurred = blur(row[None], blur_px, SIGMA_PX[0] + place * (SIGMA_PX[1] - SIGMA_PX[0])) if blur_px else row[None]
        made.append(blurred.flip(-1) if chance < mirror else blurred)
    return torch.cat(made)


def blur(
    pixels: Float[Tensor, "rows 3 height width"], side_px: int, sigma_px: float
) -> Float[Tensor, "rows 3 height width"]:
    """Convolution of each channel with a Gaussian cut off at ``side_px`` and scaled to sum 1; edges are mirrored."""
    places = torch.arange(side_px, dtype=pixels.dtype, device=pixels.device) - side_px // 2
    line = torch.exp(-(places**2) / (2 * sigma_px**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    padded = torch.nn.functional.pad(pixels, (side_px // 2,) * 4, mode="reflect")
    return torch.nn.functional.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)


def straight_through(
    purify: Callable[[Image.Image], Image.Image],
) -> Callable[[Float[Tensor, "rows 3 height width"]], Float[Tensor, "rows 3 height width"]]:
    """A purifier that a gradient passes as if it were not there (BPDA: Athalye et al., arXiv 1802.00420, section 4.1.1).

    Forward: the purified 8-bit pictures. Backward: the identity, which is right as far as purified pictures resemble what went
        in.
    Averaging calls is EOT (section 4.2 there) where the purifier draws anew at each; ours draw by the seed of their tools.
    """

    def through(pixels: Tensor) -> Tensor:
        cleaned = [purify(image) for image in to_images(pixels * 2 - 1)]
        values = ((pixels_pm1(cleaned) + 1) / 2).to(pixels)
        return pixels + (values - pixels).detach()

    return through
