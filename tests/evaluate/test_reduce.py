import numpy as np
import pytest

from staytrue.evaluate import bootstrap
from staytrue.evaluate.summary import summarize
from staytrue.types import Picture, Score


def test_the_mean_is_of_scores_and_the_interval_holds_it():
    found = bootstrap([0.1, 0.2, 0.6])
    assert found.mean == pytest.approx(0.3)
    assert found.low < found.mean < found.high
    assert found.n == 3


def test_the_interval_is_the_normal_one_for_many_independent_scores():
    scores = np.random.default_rng(0).normal(0.5, 0.1, 400)
    found = bootstrap(list(scores))
    half = 1.96 * scores.std() / 20
    assert found.low == pytest.approx(scores.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(scores.mean() + half, abs=0.15 * half)


def test_alike_pictures_of_one_prompt_do_not_narrow_it():
    scores = [0.1] * 50 + [0.9] * 50
    alone, grouped = bootstrap(scores), bootstrap(scores, ["a"] * 50 + ["b"] * 50)
    assert alone.high - alone.low < 0.2
    assert (grouped.low, grouped.high) == pytest.approx((0.1, 0.9))


def test_one_score_and_no_score():
    assert bootstrap([0.4]).low == bootstrap([0.4]).high == 0.4
    with pytest.raises(ValueError, match="no scores"):
        bootstrap([])


def test_summary_keeps_models_and_references_apart():
    pictures = [Picture(f"{m}.png", "s", "p", "p", 0, m) for m in ("base", "personalized")]
    scores = [
        Score("dino", v, f"{m}.png", a, "j")
        for v, m, a in [
            (0.1, "base", "trained"),
            (0.2, "base", "heldout"),
            (0.8, "personalized", "trained"),
            (0.7, "personalized", "heldout"),
        ]
    ]
    rows = {(r["model"], r["against"]): r["mean"] for r in summarize(scores, pictures)}
    assert rows == {
        ("base", "trained"): 0.1,
        ("base", "heldout"): 0.2,
        ("personalized", "trained"): 0.8,
        ("personalized", "heldout"): 0.7,
    }
