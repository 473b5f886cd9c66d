"""Training: photos and class images, as rows with a role, to a personalized model.

Reads ``2-captions/captions.jsonl`` and ``3-regularization/samples.jsonl``; writes ``4-training/``: the take-away in ``model/``, the
curve of the losses, the scores of the checkpoints where one is selected, previews, TensorBoard's scalars and, while it runs,
checkpoints to resume from.
"""

from typing import TYPE_CHECKING, Any

from staytrue.train.config import Previews, Train, Weighted
from staytrue.train.select import Select

if TYPE_CHECKING:
    from staytrue.train.stage import train_stage

__all__ = ["Previews", "Select", "Train", "Weighted", "train_stage"]


def __getattr__(name: str) -> Any:
    if name != "train_stage":  # the stage imports torch, which the command line must not wait for
        raise AttributeError(f"module 'staytrue.train' has no attribute {name!r}")
    from staytrue.train.stage import train_stage

    return train_stage
