"""``staytrue bench`` on the command line: what it passes on, and how it says no."""

from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from staytrue.bench.minibench import plan, subjects_of, suites
from staytrue.cli import app
from staytrue.errors import ConfigError


def run(*words):
    return CliRunner().invoke(app, ["bench", *words], catch_exceptions=True)


@pytest.fixture
def passed(monkeypatch):
    calls = []
    monkeypatch.setattr("staytrue.bench.minibench.minibench", lambda *told: calls.append(told) or [Path("done.json")])
    monkeypatch.setattr("staytrue.bench.redteam.redteam", lambda *told: calls.append(told) or [Path("done.json")])
    for made in ("tables.make_tables", "plots.make_plots", "sheets.make_sheets"):
        monkeypatch.setattr(f"staytrue.bench.{made}", lambda *told: calls.append(told) or [])
    return calls


def test_flags_and_assignments_arrive(passed):
    words = (
        "minibench",
        "train.steps=3",
        'bench.lists=["rephrased"]',
        "--recipe",
        "dreambooth",
        "--recipe",
        "staytrue",
    )
    done = run(*words, "--subjects", "can", "--jobs", "2", "--quick", "--out", "here", "--device", "cpu")
    assert done.output.strip().endswith("done.json"), done.output
    [(asked, jobs, device)] = passed
    assert (jobs, device) == (2, "cpu")
    assert asked.recipes == ("dreambooth", "staytrue")
    assert (asked.subjects, asked.out, asked.quick) == ("can", Path("here"), True)
    assert asked.assignments == ("train.steps=3",)
    assert asked.settings.lists == ("rephrased",)


def test_the_red_team_has_the_same_words(passed):
    done = run("redteam", "bench.minutes=3", "protect.radius=8/255", "--jobs", "2", "--quick", "--device", "cpu")
    assert done.output.strip().endswith("done.json"), done.output
    [(asked, jobs, device)] = passed
    assert (jobs, device, asked.quick) == (2, "cpu", True)
    assert asked.settings.minutes == 3
    assert asked.assignments == ("protect.radius=8/255",)


def test_without_words_it_is_two_recipes_on_tuning_subjects_and_the_help_says_so(passed):
    assert run("table").exit_code == run("minibench").exit_code == 0
    for asked in (passed[0][0], passed[1][0]):
        assert [arm.recipe for arm in suites(asked)[0].arms] == ["dreambooth", "data-perspective"]
        assert (asked.subjects, asked.out, asked.assignments) == (None, None, ())
        assert subjects_of(asked, None) == "tuning"
        assert {m.split for m in plan(suites(asked)[0], asked).members} == {"tuning"}
    help_of = get_command(app).commands["bench"].commands["minibench"]
    [recipe] = [p.help for p in help_of.params if p.name == "recipe"]
    assert recipe.endswith("dreambooth and data-perspective.")


@pytest.mark.parametrize("verb", ["table", "plot", "sheet"])
def test_a_quick_look_has_its_tables_figures_and_sheets(passed, verb):
    assert run(verb, "--quick").exit_code == run(verb).exit_code == 0
    [(quick,), (other,)] = passed
    assert (quick.quick, other.quick) == (True, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("minibench", "--recipe", "dreambuth"), "dreambuth"),
        (("table", "--out", "no/such/folder"), "no results in no/such/folder"),
        (("table", "bench.sweeds=[1]"), "bench.sweeds"),
        (("table", "bench.suite=no.toml"), r"no file no\.toml"),
        (("plot", "--subjects", "dog9", "--out", "no/such/folder"), "no results"),
    ],
)
def test_mistakes_are_errors_in_words(words, says):
    with pytest.raises(ConfigError, match=says):
        raise run(*words).exception
