"""evaluate: scores every picture, and writes the report.

Reads ``5-images``, the trained photos of ``1-purified`` and the subjects' held-out photos; writes
``6-scores/scores.jsonl`` (one row per picture, metric and reference) and ``summary.json`` (means with intervals,
recomputable from the rows). Scores are kept per image so that any table can be made later; trained and held-out
photos are never mixed, since only the latter show that the subject was learned and not its photos.
"""

from staytrue.evaluate.base import Judged, Metric
from staytrue.evaluate.clip_i import ClipI
from staytrue.evaluate.clip_t import ClipT
from staytrue.evaluate.config import Evaluate
from staytrue.evaluate.dino import Dino
from staytrue.evaluate.face import Face
from staytrue.evaluate.metrics import METRICS
from staytrue.evaluate.reduce import Interval, bootstrap

__all__ = ["METRICS", "ClipI", "ClipT", "Dino", "Evaluate", "Face", "Interval", "Judged", "Metric", "bootstrap"]
