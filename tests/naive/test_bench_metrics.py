"""MiniBench's metrics a second time: loops over single pictures, from their definitions."""

import math
from itertools import combinations

import numpy as np
import pytest

from staytrue.bench import metrics


def unit(seed, count, width=5):
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


PICTURES, BASE, PHOTOS, OTHERS = unit(0, 6), unit(1, 6), unit(2, 3), [unit(3, 3), unit(4, 2)]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def likeness(picture, photos):
    return sum(cosine(picture, photo) for photo in photos) / len(photos)


def test_identity():
    assert metrics.mean_cosine(PICTURES, PHOTOS) == pytest.approx([likeness(p, PHOTOS) for p in PICTURES])


def test_recall_at_1():
    expected = [float(all(likeness(p, PHOTOS) > likeness(p, o) for o in OTHERS)) for p in PICTURES]
    assert metrics.recall_at_1(PICTURES, PHOTOS, OTHERS).tolist() == expected
    assert 0 < sum(expected) < len(expected)  # else this shows nothing


def test_clip_t():
    assert metrics.paired_cosine(PICTURES, BASE) == pytest.approx(
        [cosine(a, b) for a, b in zip(PICTURES, BASE, strict=True)]
    )


def test_found():
    asked, instead = unit(5, 1)[0], unit(6, 1)
    expected = [float(max((cosine(p, o), i) for i, o in enumerate([asked, *instead]))[1] == 0) for p in PICTURES]
    assert metrics.found(PICTURES, asked, instead).tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_leakage_and_drift():
    pairs = list(zip(PICTURES, BASE, strict=True))
    leaked = [likeness(tuned, PHOTOS) - likeness(base, PHOTOS) for tuned, base in pairs]
    assert metrics.class_leakage(PICTURES, BASE, PHOTOS) == pytest.approx(leaked)
    assert metrics.drift(PICTURES, BASE) == pytest.approx([1 - cosine(tuned, base) for tuned, base in pairs])


def test_diversity_is_the_mean_pairwise_distance():
    distances = [1 - cosine(a, b) for a, b in combinations(PICTURES, 2)]
    assert metrics.diversity(PICTURES).mean() == pytest.approx(sum(distances) / len(distances))


def test_both_found():
    left, right, second = PICTURES[:3], PICTURES[3:], OTHERS[0]
    found = []
    for a, b in ((PHOTOS, second), (second, PHOTOS)):
        found.append(min(max(likeness(w, a) for w in left), max(likeness(w, b) for w in right)))
    assert metrics.both_found(left, right, PHOTOS, second) == pytest.approx(max(found))
