"""MiniBench's metrics on two-dimensional embeddings, worked by hand."""

import math

import numpy as np
import pytest

from staytrue.bench import metrics

EAST, NORTH, WEST = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([-1.0, 0.0])
BETWEEN = np.array([0.6, 0.8])


def rows(*vectors):
    return np.stack(vectors)


def test_mean_cosine():
    """East against east and (.6, .8): (1 + .6) / 2; north: (0 + .8) / 2."""
    assert metrics.mean_cosine(rows(EAST, NORTH), rows(EAST, BETWEEN)).tolist() == pytest.approx([0.8, 0.4])


def test_recall_at_1():
    """(.6, .8) is nearer to north (.8) than to east (.6) and west (-.6). A tie is not found; without rivals: no answer."""
    assert metrics.recall_at_1(rows(BETWEEN), rows(NORTH), [rows(EAST), rows(WEST)]).tolist() == [1]
    assert metrics.recall_at_1(rows(BETWEEN), rows(EAST), [rows(WEST), rows(NORTH)]).tolist() == [0]
    assert metrics.recall_at_1(rows(BETWEEN), rows(EAST), [rows(EAST)]).tolist() == [0]
    assert math.isnan(metrics.recall_at_1(rows(BETWEEN), rows(EAST), [])[0])


def test_paired_cosine():
    assert metrics.paired_cosine(rows(EAST, NORTH), rows(BETWEEN, BETWEEN)).tolist() == pytest.approx([0.6, 0.8])


def test_found():
    """Asked for north: (.6, .8) is nearer to it than to east, east itself is not; with no alternative all are found."""
    assert metrics.found(rows(BETWEEN, EAST), NORTH, rows(EAST, WEST)).tolist() == [1, 0]
    assert metrics.found(rows(EAST), NORTH, rows(NORTH)).tolist() == [0]
    assert metrics.found(rows(EAST), NORTH, np.empty((0, 2))).tolist() == [1]


def test_class_leakage():
    """The photo is east. Tuned (.6, .8), base north: .6 - 0. Unchanged: 0. Base already there, tuned away: -1."""
    tuned, base = rows(BETWEEN, EAST, NORTH), rows(NORTH, EAST, EAST)
    assert metrics.class_leakage(tuned, base, rows(EAST)).tolist() == pytest.approx([0.6, 0, -1])


def test_drift():
    assert metrics.drift(rows(EAST, BETWEEN, WEST), rows(EAST, EAST, EAST)).tolist() == pytest.approx([0, 0.4, 2])


def test_diversity():
    """East, north, west: distances 1 and 2, 1 and 1, 2 and 1; their mean 4 / 3 is that of the three pairs."""
    found = metrics.diversity(rows(EAST, NORTH, WEST))
    assert found.tolist() == pytest.approx([1.5, 1, 1.5])
    assert found.mean() == pytest.approx((1 + 2 + 1) / 3)
    assert np.isnan(metrics.diversity(rows(EAST))).all()


def test_both_found():
    """First is east, second north. Each on its side, either way round: 1. One on both sides: 0, the likeness of the other."""
    first, second = rows(EAST), rows(NORTH)
    assert metrics.both_found(rows(EAST, WEST), rows(NORTH), first, second) == 1
    assert metrics.both_found(rows(NORTH), rows(WEST, EAST), first, second) == 1
    assert metrics.both_found(rows(EAST), rows(EAST), first, second) == 0
    assert metrics.both_found(rows(BETWEEN), rows(NORTH), first, second) == pytest.approx(0.6)
