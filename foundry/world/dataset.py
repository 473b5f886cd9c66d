"""Data sets: many pictures on disk, each reproducible from (seed, index)."""

import json
import os
from collections.abc import Callable
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from tqdm import tqdm

from foundry.world.draw import caption, is_mirrored, render, sample_scene

Item = tuple[np.ndarray, list[dict]]


def picture(seed: int, index: int) -> Item:
    """One captioned picture."""
    rng = np.random.default_rng((seed, index))
    scene = sample_scene(rng)
    row = {"caption": caption(scene, rng), **scene.metadata(), "mirrored": is_mirrored(scene)}
    return render(scene)[None], [row]


def write(out: Path, make: Callable[[int, int], Item], seed: int, count: int, workers: int = 2) -> None:
    """Write `count` items of a maker, in order, to `images.npy` and `rows.jsonl`.

    Args:
        out: folder to write; both files appear only when complete.
        make: turns (seed, index) into pictures and their rows.
        seed: seed of the whole data set.
        count: number of items.
        workers: processes to draw with.
    """
    out.mkdir(parents=True, exist_ok=True)
    views = len(make(seed, 0)[1])  # before the processes fork: they share the sprites it read
    parts = out / "images.part.npy", out / "rows.part.jsonl"
    images = np.lib.format.open_memmap(parts[0], "w+", np.uint8, (count * views, 64, 64, 3))
    jobs = [(make, seed, start, min(start + 100, count)) for start in range(0, count, 100)]
    with Pool(workers) as pool, parts[1].open("w") as file, tqdm(total=count, unit=" pictures") as bar:
        for (_, _, start, stop), (pixels, rows) in zip(jobs, pool.imap(_block, jobs), strict=True):
            images[start * views : stop * views] = pixels
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
            bar.update(stop - start)
    images.flush()
    os.replace(parts[0], out / "images.npy")
    os.replace(parts[1], out / "rows.jsonl")


def _block(job: tuple[Callable[[int, int], Item], int, int, int]) -> Item:
    make, seed, start, stop = job
    items = [make(seed, index) for index in range(start, stop)]
    return np.concatenate([pixels for pixels, _ in items]), [row for _, rows in items for row in rows]
