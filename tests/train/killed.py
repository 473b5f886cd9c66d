"""Trains, and kills itself without warning right after, or in the middle of, a write. Run by test_resume.py.

Arguments: run folder, backbone folder, what to die at ("step", "write"), at which occurrence.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from staytrue import runs
from staytrue.backbones import SD
from staytrue.train import checkpoints, loop
from staytrue.train.stage import train_stage
from tests.train.runs import SUBJECT, small


def main(root, backbone, what, when):
    torch.set_num_threads(1)
    seen = {"count": 0}

    def dying(original):
        def wrapped(*args, **kwargs):
            seen["count"] += 1
            if seen["count"] == when:
                if what == "write":  # half a file under its temporary name
                    args[1].write_bytes(bytes(100))
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return wrapped

    if what == "step":
        loop.Composed.__call__ = dying(loop.Composed.__call__)
    else:
        checkpoints.save_file = dying(checkpoints.save_file)
    train_stage(runs.RunFolder(Path(root)), small(ema=0.9), [SUBJECT], SD(path=backbone), seed=3)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
