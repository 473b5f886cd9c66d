"""Staytrue: personalize a text-to-image diffusion model from a few photos, true to the subject and to the words.

    photos -> purify -> caption -> regularize -> train -> generate -> evaluate

``run`` does all six; each stage can be called alone (see ``examples/``). Importing this package imports no torch: names
are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from staytrue.backbones.sd import SD
    from staytrue.caption.stage import caption_stage
    from staytrue.config import RunConfig
    from staytrue.errors import StaytrueError
    from staytrue.evaluate.report import write_report
    from staytrue.evaluate.stage import evaluate_stage
    from staytrue.generate.stage import generate_stage
    from staytrue.pipeline import run
    from staytrue.purify.stage import purify_stage
    from staytrue.recipes import recipe
    from staytrue.regularize.stage import regularize_stage
    from staytrue.runs import RunFolder
    from staytrue.train.stage import train_stage
    from staytrue.types import Caption, Sample, Subject

__version__ = "0.1.0"

__all__ = [
    "SD",
    "Caption",
    "RunConfig",
    "RunFolder",
    "Sample",
    "StaytrueError",
    "Subject",
    "caption_stage",
    "evaluate_stage",
    "generate_stage",
    "purify_stage",
    "recipe",
    "regularize_stage",
    "run",
    "train_stage",
    "write_report",
]

_HOMES = {
    "SD": "staytrue.backbones.sd",
    "Caption": "staytrue.types",
    "RunConfig": "staytrue.config",
    "RunFolder": "staytrue.runs",
    "Sample": "staytrue.types",
    "StaytrueError": "staytrue.errors",
    "Subject": "staytrue.types",
    "caption_stage": "staytrue.caption.stage",
    "evaluate_stage": "staytrue.evaluate.stage",
    "generate_stage": "staytrue.generate.stage",
    "purify_stage": "staytrue.purify.stage",
    "recipe": "staytrue.recipes",
    "regularize_stage": "staytrue.regularize.stage",
    "run": "staytrue.pipeline",
    "train_stage": "staytrue.train.stage",
    "write_report": "staytrue.evaluate.report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'staytrue' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
