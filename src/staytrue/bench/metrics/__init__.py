"""MiniBench's scores as pure functions of unit-length embeddings: no files, no models.

Each is written a second time, naively, in ``tests/naive/test_bench_metrics.py``. ``METRICS`` are the names under which the tables
have them, in the tables' order.
"""

from staytrue.bench.metrics.composition import found
from staytrue.bench.metrics.diversity import diversity
from staytrue.bench.metrics.drift import class_leakage, drift
from staytrue.bench.metrics.identity import mean_cosine, recall_at_1
from staytrue.bench.metrics.redteam import (
    BITES,
    auc,
    average_score,
    calibrated_quality,
    gap_closed,
    loss,
    paper_average,
    thresholded_identity,
    worst_share,
)
from staytrue.bench.metrics.truth import paired_cosine
from staytrue.bench.metrics.two import both_found
from staytrue.bench.metrics.words import class_attention, phrase_distance

METRICS = (
    "identity_heldout",
    "identity_asked",
    "identity_train",
    "recall_at_1",
    "clip_i_heldout",
    "clip_t_object",
    "clip_t_vague",
    "composition",
    "conditions",
    "class_leakage",
    "drift",
    "diversity",
)
OF_WORDS = ("phrase_distance", "class_attention")  # where a suite asks for them (``bench.words``)
LOWER_IS_BETTER = frozenset({"class_leakage", "drift", "phrase_distance"})

__all__ = [
    "BITES",
    "LOWER_IS_BETTER",
    "METRICS",
    "OF_WORDS",
    "auc",
    "average_score",
    "both_found",
    "calibrated_quality",
    "class_attention",
    "class_leakage",
    "diversity",
    "drift",
    "found",
    "gap_closed",
    "loss",
    "mean_cosine",
    "paired_cosine",
    "paper_average",
    "phrase_distance",
    "recall_at_1",
    "thresholded_identity",
    "worst_share",
]
