"""Means over designs, paired differences, seen and unseen: on numbers chosen by hand."""

import json
import math

import pytest

from staytrue.bench.choose import choices, worth
from staytrue.bench.metrics import METRICS
from staytrue.bench.summary import (
    as_json,
    by_condition,
    difference,
    interval,
    means,
    of_kind,
    of_list,
    seen_by_any,
    summary,
)
from staytrue.bench.tables import markdown
from tests.bench.records import record, results


def test_a_mean_is_over_the_main_list_only():
    """(.2 + .6) / 2; the rephrased prompt's .9 does not count there."""
    r = results("a", record("dog", (0.2, 0.6, 0.9)))
    assert means(r, "identity_heldout") == {("dog", 0): pytest.approx(0.4)}
    assert means(r, "identity_heldout", of_list("rephrased")) == {("dog", 0): pytest.approx(0.9)}
    assert means(r, "identity_heldout", of_kind("color")) == {("dog", 0): pytest.approx(0.6)}
    assert means(r, "class_leakage") == {("dog", 0): pytest.approx(0.2)}


def test_pictures_without_a_value_do_not_count():
    row = record("dog", (0.2, 0.6, 0.9))
    place = row["columns"].index("diversity")
    row["images"][0][place] = None
    assert means(results("a", row), "diversity")["dog", 0] == pytest.approx((0.2 + 0.6 + 0.6) / 3)
    for picture in row["images"]:
        picture[place] = None
    assert means(results("a", row), "diversity") == {}


def test_results_from_before_a_metric_have_no_value_in_it():
    row = record("dog", (0.2, 0.6, 0.9))
    place = row["columns"].index("conditions")
    old = row | {
        "columns": [c for c in row["columns"] if c != "conditions"],
        "images": [[v for i, v in enumerate(picture) if i != place] for picture in row["images"]],
    }
    assert means(results("a", old), "conditions") == {}
    assert "conditions" not in summary([results("a", old)])["recipes"]["a"]
    assert means(results("a", old), "diversity") == means(results("a", row), "diversity")


def test_the_summary_has_the_agreed_form():
    a = results("a", *(record(s, (v, v, 0), seed) for s, v in (("x", 0.5), ("y", 0.7)) for seed in (0, 1)))
    b = results("b", *(record(s, (v, v, 0), seed) for s, v in (("x", 0.2), ("y", 0.2)) for seed in (0, 1)))
    found = json.loads(as_json(summary([a, b])))
    assert found == summary([a, b])
    assert found.keys() == {"recipes", "paired"}
    assert found["recipes"].keys() == {"a", "b"}
    assert found["recipes"]["a"].keys() == set(METRICS)
    assert found["recipes"]["a"]["identity_heldout"].keys() == {"mean", "ci95"}
    pair = found["paired"]["a-vs-b"]
    assert (pair["subjects"], pair["seeds"]) == (2, 2)
    assert pair["identity_heldout"]["mean"] == pytest.approx(0.4)
    low, high = pair["identity_heldout"]["ci95"]
    assert (low + high) / 2 == pytest.approx(0.4)
    assert high - low == pytest.approx(2 * 12.706 * 0.1, rel=0.05)  # t of one degree of freedom, standard error .1
    assert found["paired"]["b-vs-a"]["identity_heldout"]["mean"] == pytest.approx(-0.4)


def test_only_shared_trainings_are_paired():
    """Seed 1 of x is in a only; y is in b only."""
    a = results("a", record("x", (0.5, 0.5, 0)), record("x", (0.9, 0.9, 0), seed=1))
    b = results("b", record("x", (0.2, 0.2, 0)), record("y", (0.0, 0.0, 0)))
    pair = summary([a, b])["paired"]["a-vs-b"]
    assert (pair["subjects"], pair["seeds"]) == (1, 1)
    assert pair["identity_heldout"]["mean"] == pytest.approx(0.3)
    alone = results("c", record("z", (0, 0, 0)))
    assert "a-vs-c" not in summary([a, alone])["paired"]


def test_a_metric_that_some_subjects_have_no_answer_to_says_of_how_many_it_is():
    """Nobody could be mistaken for y: its ``recall_at_1`` has no value."""

    def made(label):
        alone = record("y", (0.5, 0.5, 0))
        for picture in alone["images"]:
            picture[alone["columns"].index("recall_at_1")] = None
        return results(label, record("x", (0.5, 0.5, 0)), alone)

    found = summary([made("a"), made("b")])
    pair, recipe = found["paired"]["a-vs-b"], found["recipes"]["a"]
    assert pair["subjects"] == 2
    assert pair["recall_at_1"] == {"mean": 0, "ci95": None, "subjects": 1}
    assert recipe["recall_at_1"]["subjects"] == 1
    assert pair["diversity"].keys() == recipe["diversity"].keys() == {"mean", "ci95"}


def test_the_interval_draws_designs_not_pictures_seeds_or_twins():
    """Four subjects of two designs, 0 and 1: standard error 1/2, with one degree of freedom. Four designs: .289, with three."""
    values = (("a", 0, "d"), ("b", 0, "d"), ("c", 1, "e"), ("d", 1, "e"))
    for several, half in ((False, 12.706 / 2), (True, 3.182 * 0.2887)):
        r = results("r", *(record(s, (v,) * 3, design=s if several else d) for s, v, d in values))
        row = interval(means(r, "composition"), r)
        assert row["mean"] == 0.5
        assert row["ci95"] == [pytest.approx(0.5 - half, rel=0.05), pytest.approx(0.5 + half, rel=0.05)]


def test_pairing_narrows_what_subjects_differ_in():
    """Subjects differ by much, the two recipes by .1 on each: the paired interval is a point."""
    a = results("a", *(record(s, (v + 0.1,) * 3) for s, v in (("x", 0.1), ("y", 0.5), ("z", 0.8))))
    b = results("b", *(record(s, (v,) * 3) for s, v in (("x", 0.1), ("y", 0.5), ("z", 0.8))))
    row = difference(means(a, "drift"), means(b, "drift"), a)
    assert row["mean"] == 0
    row = difference(means(a, "composition"), means(b, "composition"), a)
    assert row["mean"] == pytest.approx(0.1)
    assert row["ci95"] == [pytest.approx(0.1), pytest.approx(0.1)]


def test_seen_is_divided_alike_for_all_results():
    """b never saw the beach, a did: for both, the prompt counts as seen."""
    unseen = record("x", (0.2, 0.6, 0))
    unseen["prompts"][0]["seen"] = {"background": False}
    a, b = results("a", record("x", (0.3, 0.7, 0))), results("b", unseen)
    seen, not_seen = (seen_by_any([a, b], which) for which in (True, False))
    assert means(b, "composition", seen) == {("x", 0): pytest.approx(0.2)}
    assert means(b, "composition", not_seen) == {("x", 0): pytest.approx(0.6)}
    assert means(b, "composition", seen_by_any([b], True)) == {}


def test_seen_and_unseen_are_in_the_summary_by_metric():
    """The beach (.2 and .4) was seen, the red dog (.6 and .8) was not; photos were asked neither."""
    photos = record("x", (0.9, 0.9, 0.9))
    photos["prompts"] = [p | {"list": "photos"} for p in photos["prompts"]]
    a = results("a", record("x", (0.2, 0.6, 0)), record("y", (0.4, 0.8, 0)))
    found = by_condition([a, results("photos", photos)], ("composition", "drift"))
    assert found["a"]["composition"].keys() == {"seen", "unseen"}
    assert found["a"]["composition"]["seen"]["mean"] == pytest.approx(0.3)
    assert found["a"]["composition"]["unseen"]["mean"] == pytest.approx(0.7)
    assert found["a"]["composition"]["seen"].keys() == {"mean", "ci95"}
    assert found["photos"].get("composition") is None


def test_the_choice_needs_identity_and_truth():
    """.5 * .5 against .9 * .1 (both metrics have a prompt's value, so squares of means): the larger product wins, per arm."""
    low = results("slow", record("x", (0.3, 0.3, 0)), arm="one")
    high = results("fast", record("x", (0.5, 0.5, 0)), arm="one")
    other = results("else", record("x", (-0.5, -0.5, 0)), arm="two")
    assert worth(high) == pytest.approx(0.25)
    assert worth(other) == 0
    found = choices([low, high, other])
    assert found["one"]["label"] == "fast"
    assert found["one"]["set"] == ["x=fast"]
    assert found["one"]["all"] == {"slow": pytest.approx(0.09), "fast": pytest.approx(0.25)}
    assert found["two"]["label"] == "else"
    assert all(math.isfinite(row["worth"]) for row in found.values())


def test_of_pictures_that_nobody_was_trained_for_nothing_is_seen_or_unseen():
    row = record("dog", (0.2, 0.6, 0.9))
    row["prompts"] = [p | {"seen": {}} for p in row["prompts"]]
    ideal = results("ideal", row)
    for seen in (True, False):
        assert means(ideal, "composition", seen_by_any([ideal], seen)) == {}
    assert by_condition([ideal], ["composition"]) == {}
    assert "By condition" not in markdown([ideal], "reporting")
    assert "By condition" in markdown([ideal, results("a", record("dog", (0.2, 0.6, 0.9)))], "reporting")
