"""The default."""

from __future__ import annotations

from staytrue.backbones.base import Backbone
from staytrue.config import RunConfig, overlaid
from staytrue.recipes.data_perspective import data_perspective
from staytrue.recipes.miniature import fitted


def staytrue(backbone: Backbone) -> RunConfig:
    """The default: A Data Perspective's data at a size for an afternoon (on the miniature, for minutes), with previews.

    Derived from ``data_perspective`` (arXiv 2311.04315), whose ablation finds that 100 class images already stop overfitting:
    a tenth of its set, half of its steps, 50 steps of the solver.
    Which composition of recipes becomes the default is to be chosen by evidence; this one is not that choice yet.
    On the miniature: see ``miniature.py``. No result on a full-size model has been measured by this project yet.
    """
    changes = {
        "regularize": {"count": 200},
        "train": {"steps": 2000, "previews": {"every": "500 steps"}},
        "generate": {"sampling": {"steps": 50}},
    }
    return fitted(overlaid(data_perspective(backbone), changes))
