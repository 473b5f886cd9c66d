"""Regret by hand."""

import pytest

from staytrue.bench.arms import Arm
from staytrue.bench.minibench import Asked
from staytrue.bench.regret import lacking, regrets
from staytrue.bench.suites import Suite, read_suite, variants
from staytrue.bench.tables import make_tables
from staytrue.runs import read_json, write_json
from tests.bench.records import record, results

ARMS = (
    Arm(label="a", recipe="x"),
    Arm(label="a, selected", recipe="x", grid=False, of="a"),
    Arm(label="b", recipe="x", grid=False),
)
SUITE = Suite(arms=ARMS, grid={"train.steps": (100, 200)})


def point(arm, at, *values, subjects=("dog", "cat")):
    """A worth of value^2 for each subject: identity and truth are both the value."""
    rows = [record(s, (v, v, 0)) for s, v in zip(subjects, values, strict=True)]
    return results(f"{arm} steps={at}" if at else arm, *rows, arm=arm)


SOME = [
    point("a", 100, 0.5, 0.4),
    point("a", 200, 0.3, 0.8),
    point("a, selected", "", 0.5, 0.5),
    point("b", "", 0.9, 0.9),
]


def test_each_training_has_a_best_of_its_own():
    """The dog is at its best at 100 steps (.25), the cat at 200 (.64).

    100 steps lack 0 and .64 - .16; 200 lack .25 - .09 and 0; what was selected lacks 0 and .64 - .25.
    """
    found = regrets(SOME, SUITE)
    assert found.keys() == {"a steps=100", "a steps=200", "a, selected"}
    means = {label: row["mean"] for label, row in found.items()}
    assert means == pytest.approx({"a steps=100": 0.48 / 2, "a steps=200": 0.16 / 2, "a, selected": 0.39 / 2}, abs=1e-5)


def test_only_trainings_that_have_all_points_count():
    """The cat lacks 200 steps; a choice may be better than every point."""
    some = [SOME[0], point("a", 200, 0.3, subjects=["dog"]), point("a, selected", "", 0.6, 0.5)]
    assert regrets(some, SUITE)["a, selected"]["mean"] == pytest.approx(0.25 - 0.36)
    assert regrets([SOME[3]], SUITE) == {}


def test_an_arm_outside_the_grid_is_one_setting_and_tables_tell_its_regret(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(
        'name = "s"\nsubjects = "all"\narms = [{ label = "a", recipe = "dreambooth" },'
        ' { label = "a, selected", recipe = "dreambooth", grid = false, of = "a" }]\n[grid]\n"train.steps" = [100, 200]\n'
    )
    assert [v.label for v in variants(read_suite(file))] == ["a steps=100", "a steps=200", "a, selected"]
    for r in SOME[:3]:
        write_json(tmp_path / "out" / f"{r.label}.json", r.header | {"runs": list(r.records)})
    make_tables(Asked(out=tmp_path / "out", bench={"suite": str(file)}))
    assert read_json(tmp_path / "out" / "summary.json")["regret"]["a steps=200"]["mean"] == pytest.approx(0.08)
    assert "| a, selected | 0.195 [" in (tmp_path / "out" / "table.md").read_text()


def test_a_point_without_results_may_have_been_the_best_so_nothing_is_said_and_it_is_named(tmp_path, capsys):
    some = [SOME[0], *SOME[2:]]
    assert lacking(some, SUITE) == {"a": ["a steps=200"]}
    assert regrets(some, SUITE) == {}
    assert lacking(SOME, SUITE) == {}
    file = tmp_path / "s.toml"
    file.write_text(
        'name = "s"\nsubjects = "all"\narms = [{ label = "a", recipe = "dreambooth" },'
        ' { label = "a, selected", recipe = "dreambooth", grid = false, of = "a" }]\n[grid]\n"train.steps" = [100, 200]\n'
    )
    for r in (SOME[0], SOME[2]):
        write_json(tmp_path / "out" / f"{r.label}.json", r.header | {"runs": list(r.records)})
    make_tables(Asked(out=tmp_path / "out", bench={"suite": str(file)}))
    assert "are of a steps=200; the others are shown" in capsys.readouterr().err
    table = (tmp_path / "out" / "table.md").read_text()
    assert "None is said of a: no results of a steps=200." in table
    assert "regret ↓" not in table
    assert read_json(tmp_path / "out" / "summary.json")["regret"] == {}
