"""How far a cleaned photo looks from the original: LPIPS where that is installed, else 1 - SSIM; never without its name.

SSIM: Wang et al., IEEE TIP 13 (2004), eq. 13, on luminance in [0, 1], Gaussian window of 11 px with sigma 1.5, K1 = .01, K2 = .03,
mean over the places where the window fits. Pictures narrower than 11 px have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
LUMA = (0.299, 0.587, 0.114)
SSIM_NAME = "1 - SSIM (luminance, 11 px window)"
Pictures = Float[Tensor, "rows 3 height width"]


@dataclass(frozen=True)
class Distance:
    """A perceptual distance of pictures in [-1, 1].

    Attributes:
        name: which one it is, network included.
        between: one value a row, 0 for equal pictures; has a gradient.
    """

    name: str
    between: Callable[[Tensor, Tensor], Tensor]


def perceptual_distance(device: str = "cpu") -> Distance:
    """LPIPS (AlexNet) if the extra ``lpips`` is installed and its weights are here or can be had, else 1 - SSIM."""
    try:
        import lpips

        network = lpips.LPIPS(net="alex", verbose=False).to(device).eval().requires_grad_(False)
    except (ImportError, OSError, RuntimeError):  # not installed; its weights are not here, and there is no network
        return Distance(SSIM_NAME, one_minus_ssim)
    return Distance("LPIPS (AlexNet)", lambda a, b: network(a, b).flatten())


def one_minus_ssim(a_pm1: Pictures, b_pm1: Pictures) -> Float[Tensor, " rows"]:
    """1 - SSIM, in [0, 2], one value a row."""
    a, b = _luma(a_pm1), _luma(b_pm1)
    window = _window().to(a)
    mean_a, mean_b = conv2d(a, window), conv2d(b, window)
    var_a, var_b = conv2d(a * a, window) - mean_a**2, conv2d(b * b, window) - mean_b**2
    cov = conv2d(a * b, window) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + C1) * (2 * cov + C2)
    likeness = likeness / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
    return 1 - likeness.mean((1, 2, 3))


def _luma(pm1: Tensor) -> Tensor:
    weights = torch.tensor(LUMA, dtype=pm1.dtype, device=pm1.device).view(1, 3, 1, 1)
    return ((pm1 + 1) / 2 * weights).sum(1, keepdim=True)


def _window() -> Tensor:
    offsets = torch.arange(WINDOW) - WINDOW // 2
    row = torch.exp(-(offsets.float() ** 2) / (2 * SIGMA**2))
    return (torch.outer(row, row) / row.sum() ** 2).view(1, 1, WINDOW, WINDOW)
