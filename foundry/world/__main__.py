"""Command line: `python -m foundry.world --count 100000 --split train --out DIR`."""

import argparse
from functools import partial
from pathlib import Path

from foundry.world.dataset import picture, write
from foundry.world.instances import instance_views
from foundry.world.rasterize import build

SEEDS = {"train": 1, "holdout": 2}


def main() -> None:
    """Write a data set of the world: captioned pictures, or views of instances."""
    parser = argparse.ArgumentParser(prog="python -m foundry.world", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--split", choices=SEEDS, default="train", help="chooses the seed, unless one is given")
    parser.add_argument("--seed", type=int, help="seed of the data set")
    parser.add_argument("--count", type=int, default=100_000, help="pictures to draw")
    parser.add_argument("--instances", type=int, help="draw this many instances in place of captioned pictures")
    parser.add_argument("--views", type=int, default=4, help="pictures of each instance")
    parser.add_argument("--workers", type=int, default=2, help="processes to draw with")
    given = parser.parse_args()
    build()
    seed = SEEDS[given.split] if given.seed is None else given.seed
    if given.instances:
        write(given.out, partial(instance_views, views=given.views), seed, given.instances, given.workers)
    else:
        write(given.out, picture, seed, given.count, given.workers)


if __name__ == "__main__":
    main()
