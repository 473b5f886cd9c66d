"""A picture in overlapping tiles, and whole again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def starts(length: int, side: int) -> list[int]:
    """Where tiles begin along one side: every half tile, the last at the very end."""
    if length <= side:
        return [0]
    return [*range(0, length - side, max(1, side // 2)), length - side]


def tiled(
    pixels: Float[Tensor, "1 3 height width"], side: int, work: Callable[[Tensor], Tensor], rows: int = 16
) -> Float[Tensor, "1 3 height width"]:
    """Applies ``work`` to square tiles that overlap by half, ``rows`` at a time; where several lie over a pixel, their mean."""
    places = [
        (slice(top, top + side), slice(left, left + side))
        for top in starts(pixels.shape[2], side)
        for left in starts(pixels.shape[3], side)
    ]
    total, count = torch.zeros_like(pixels), torch.zeros_like(pixels)
    for start in range(0, len(places), rows):
        group = places[start : start + rows]
        for place, tile in zip(group, work(torch.cat([pixels[..., y, x] for y, x in group])), strict=True):
            total[0, :, *place] += tile
            count[0, :, *place] += 1
    return total / count
