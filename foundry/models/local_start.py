"""A start for small vision transformers whose heads look at neighboring patches, as convolutions do.

Trained for minutes, a vision transformer with a random start sees only colors: it must first invent locality. Here each
head's queries are its keys shifted by one patch in a direction of its own (Zheng et al., 2024, "structured
initialization"), read from sines and cosines of the place, which have some channels of the stream for themselves.
"""

import math

import torch
from torch import Tensor, nn

HEAD = 32
FREQUENCIES = HEAD // 4
SHIFTS = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)]
SHARPNESS = 1.3
PATCH_DEVIATION = 0.1


def place_features(side: int) -> Tensor:
    """[side * side, HEAD]: cosines, then sines, of the row, then of the column."""
    phases = 2 * math.pi * torch.outer(torch.arange(side), torch.arange(1, FREQUENCIES + 1)) / (2 * side)
    axis = torch.cat([phases.cos(), phases.sin()], dim=1)
    rows = axis.repeat_interleave(side, 0)
    return torch.cat([rows, axis.repeat(side, 1)], dim=1)


def shift(down: int, right: int, side: int) -> Tensor:
    """Rotation that turns the features of a place into those of the place `down` and `right` of it."""
    rotation = torch.zeros(HEAD, HEAD)
    for start, step in ((0, down), (HEAD // 2, right)):
        for k in range(FREQUENCIES):
            angle = 2 * math.pi * step * (k + 1) / (2 * side)
            c, s = start + k, start + FREQUENCIES + k
            rotation[c, c] = rotation[s, s] = math.cos(angle)
            rotation[c, s], rotation[s, c] = -math.sin(angle), math.sin(angle)
    return rotation


@torch.no_grad()
def start_local(patches: nn.Conv2d, places: Tensor, heads: list[tuple[nn.Linear, nn.Linear]]) -> None:
    """Overwrite a transformer's first values.

    Args:
        patches: the patch embedding.
        places: position embedding, [1 + side * side, width], the class token's first.
        heads: query and key projections of each layer.
    """
    side = math.isqrt(len(places) - 1)
    patches.weight.normal_(0, PATCH_DEVIATION)
    patches.weight[-HEAD:] = 0
    places.mul_(0.1)
    places[:, -HEAD:] = 0
    places[1:, -HEAD:] = place_features(side).to(places)
    for layer, (query, key) in enumerate(heads):
        for head in range(len(query.weight) // HEAD):
            rows = slice(head * HEAD, (head + 1) * HEAD)
            # Later layers look further, so that depth covers the picture.
            down, right = SHIFTS[head % len(SHIFTS)]
            reach = 1 + layer // 2
            key.weight[rows, -HEAD:] = SHARPNESS * torch.eye(HEAD)
            query.weight[rows, -HEAD:] = SHARPNESS * shift(reach * down, reach * right, side)
