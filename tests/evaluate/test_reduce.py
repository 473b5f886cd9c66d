from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

from staytrue.evaluate import Interval, bootstrap
from staytrue.evaluate.reduce import t975
from staytrue.evaluate.report import _prompts
from staytrue.evaluate.summary import summarize
from staytrue.runs import RunFolder
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
    assert grouped.high - grouped.low > 0.8


@pytest.mark.parametrize("groups", [2, 4, 16])
def test_it_covers_the_truth_as_often_as_it_says(groups):
    """And the plain quantiles of the same draws, of few groups, do not."""
    rng, covered, plainly = np.random.default_rng(groups), 0, 0
    for _ in range(400):
        scores = rng.normal(size=groups)
        found = bootstrap(list(scores))
        covered += found.low <= 0 <= found.high
        low, high = np.quantile(scores[rng.integers(0, groups, (2000, groups))].mean(axis=1), [0.025, 0.975])
        plainly += low <= 0 <= high
    assert 0.92 <= covered / 400 <= 0.98
    assert plainly < covered


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 11, 12, 20, 50, 1000])
def test_the_quantiles_are_student_s(freedom):
    assert t975(freedom) == pytest.approx(student.ppf(0.975, freedom), abs=2e-4)


def test_one_score_and_no_score():
    assert bootstrap([0.4]) == Interval(0.4, None, None, 1)
    assert bootstrap([0.4, 0.6], ["one", "one"]) == Interval(0.5, None, None, 2)
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


def test_prompts_that_differ_in_the_identifier_alone_are_two(monkeypatch):
    """A dog, beside my dog, asks whether it is still any dog: two groups of the bootstrap, and two rows of the report."""
    asked = (("olis dog", 0), ("dog", 1))
    pictures = [
        Picture(
            f"s/{model}/{i:02d}-a-dog-{n}.png", "s", f"a {who if model == 'personalized' else 'dog'}", "a dog", n, model
        )
        for model in ("base", "personalized")
        for who, i in asked
        for n in range(2)
    ]
    scores = [Score("dino", 0.2 + 0.5 * (p.prompt == "a dog"), p.file, "trained", "j") for p in pictures]
    [row] = [row for row in summarize(scores, pictures) if row["model"] == "personalized"]
    assert row["low"] < row["mean"] < row["high"]
    monkeypatch.setattr("staytrue.evaluate.report.data_uri", str)
    found = _prompts(RunFolder(Path("run")), pictures, {})
    assert [prompt["asked"] for prompt in found] == ["a olis dog", "a dog"]
    assert [(len(prompt["base"]), len(prompt["personalized"])) for prompt in found] == [(2, 2), (2, 2)]
