"""Smooth noise, drawn from a fixed pool so that a picture costs microseconds."""

from functools import cache

import numpy as np
from PIL import Image


def noise(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise 0..1, float32 [side, side], with about `cells` bumps across."""
    pool = _pool(side, cells)
    field = pool[rng.integers(len(pool))]
    field = np.roll(field, rng.integers(0, side, 2), (0, 1))
    return field[:, ::-1] if rng.random() < 0.5 else field


@cache
def _pool(side: int, cells: int) -> np.ndarray:
    rng = np.random.default_rng((side, cells))
    grids = rng.integers(0, 256, (8, cells, cells), np.uint8)
    return np.stack([_smooth(grid, side) for grid in grids])


def _smooth(grid: np.ndarray, side: int) -> np.ndarray:
    """Enlarge a grid so that its edges meet."""
    tiled = Image.fromarray(np.tile(grid, (3, 3))).resize((3 * side, 3 * side), Image.Resampling.BICUBIC)
    return np.asarray(tiled)[side : 2 * side, side : 2 * side].astype(np.float32) / 255
