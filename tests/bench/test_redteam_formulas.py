"""The red team's formulas, by hand and a second time."""

import math

import numpy as np
import pytest

from staytrue.bench import metrics


def unit(angle):
    return [math.cos(angle), math.sin(angle)]


def test_only_photos_near_enough_count_and_none_is_minus_one():
    """Cosines 1 and 0.5 of the first picture: 0.5 is a distance of 0.5 > 0.4 and does not count. The second has 0 and -0.5."""
    photos = np.array([unit(0), unit(math.pi / 3)])
    pictures = np.array([unit(0), unit(-math.pi / 2), unit(math.pi / 6)])
    found = metrics.thresholded_identity(pictures, photos)
    assert found == pytest.approx([1.0, -1.0, math.cos(math.pi / 6)])


def test_thresholded_identity_as_loops():
    rng = np.random.default_rng(0)
    photos, pictures = (rng.normal(size=(n, 3)) for n in (5, 40))
    photos, pictures = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (photos, pictures))
    found = metrics.thresholded_identity(pictures, photos)
    for picture, value in zip(pictures, found, strict=True):
        kept = [float(picture @ photo) for photo in photos if 1 - float(picture @ photo) <= 0.40]
        assert value == pytest.approx(sum(kept) / len(kept) if kept else -1)
        assert value == -1 or value >= 0.6


def test_the_margin_is_the_worst_opinion_s():
    """Opinions of 2 and 3 are good, of 0 and -1 bad: one picture is good, one half noisy, one better and blurry."""
    good, bad = np.array([2.0, 3.0]), np.array([0.0, -1.0])
    found = metrics.worst_share(np.array([[2.0, 3.0], [1.0, 3.0], [5.0, -1.0]]), good, bad)
    assert found == pytest.approx([1.0, 0.5, 0.0])


def test_quality_is_calibrated_at_clean_and_degraded_photos():
    """0.9 at 0.3, 0.1 at 0.1, a half in the middle; at 0.4, odds of 9^2 = 81 / 1 ... times 9^(1/1): 9 ** 2 = 81."""
    found = metrics.calibrated_quality(np.array([0.3, 0.1, 0.2, 0.4, 1e6, -1e6]), clean=0.3, degraded=0.1)
    assert found[:4] == pytest.approx([0.9, 0.1, 0.5, 81 / 82])
    assert ((found >= 0) & (found <= 1)).all()


def test_averages():
    assert metrics.average_score(0.6, 0.8) == pytest.approx(0.7)
    # (0.7 * 0.6 + 0.3 * -1 + 2 * 0.8 - 1) / 2 = (0.42 - 0.3 + 0.6) / 2
    assert metrics.paper_average(0.6, -1, 0.8) == pytest.approx(0.36)
    # the paper's own: IMS 0.256 and Q 0.514 make 0.385, where both likenesses are equal and q = (1 + Q) / 2
    assert metrics.paper_average(0.256, 0.256, (1 + 0.514) / 2) == pytest.approx(0.385)


def test_what_an_attack_costs_and_what_a_defense_wins_back():
    assert metrics.loss(0.8, 0.4) == pytest.approx(0.5)
    assert metrics.loss(0.0, 0.4) is None
    assert metrics.gap_closed(0.8, 0.4, 0.7) == pytest.approx(0.75)
    assert metrics.gap_closed(0.8, 0.4, 0.9) == pytest.approx(1.25)  # better than clean training
    assert metrics.gap_closed(0.8, 0.4, 0.3) == pytest.approx(-0.25)
    assert metrics.gap_closed(0.8, 0.57, 0.8) is None  # costs 28.75 %
    assert metrics.gap_closed(1.0, 0.7, 0.85) == pytest.approx(0.5)  # exactly 30 %


def test_auc_counts_pairs():
    assert metrics.auc([2, 3], [1, 2]) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert metrics.auc([1], [1]) == 0.5
