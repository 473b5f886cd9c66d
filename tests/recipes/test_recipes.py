"""Recipes: what each paper chose, and what the default is."""

import re
import tomllib
from pathlib import Path

import pytest

from staytrue.backbones import SD
from staytrue.checks import with_defense
from staytrue.config import parse, to_toml, values_of
from staytrue.errors import ConfigError
from staytrue.recipes import DEFAULT, RECIPES, quick, recipe
from staytrue.recipes.miniature import RATES
from staytrue.runs import read_json
from staytrue.types import Facts

ROOT = Path(__file__).parents[2]
REAL = Facts("sd", "Stable Diffusion 1.5", 512, (4, 64, 64), "epsilon")


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setattr(SD, "facts", lambda self: REAL)
    return SD(path="some/model")


@pytest.fixture(params=["miniature", "real"])
def backbone(request):
    return SD() if request.param == "miniature" else request.getfixturevalue("real")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid_documented_and_without_subjects(name, backbone):
    config = recipe(name, backbone)
    assert parse(values_of(config)) == config
    assert parse(tomllib.loads(to_toml(config))) == config
    assert config.subjects == ()
    assert config.backbone == backbone
    assert len(RECIPES[name].__doc__.splitlines()) > 3


def test_dreambooth_is_prior_preservation(real):
    config = recipe("dreambooth", real)
    assert config.regularize.name == "class_prompt"
    terms = config.train.objectives
    assert {term.objective.rows: term.weight for term in terms.values()} == {"subject": 1.0, "class": 1.0}


def test_data_perspective_changes_only_the_data(real):
    """He et al. leave the model and the loss alone: captions, set, dropout, crops and schedule are all that differ."""
    theirs, dreambooth = recipe("data-perspective", real), recipe("dreambooth", real)
    assert theirs.train.objectives == dreambooth.train.objectives
    assert theirs.train.adapter == dreambooth.train.adapter
    assert theirs.regularize.name == "structured"
    assert (theirs.train.steps, theirs.train.learning_rate) == (4000, 2e-6)
    assert theirs.train.crop_range == (0.75, 1.0)
    assert theirs.train.adjective_dropout > 0 == dreambooth.train.adjective_dropout


def test_the_default_exists_and_quick_is_smaller():
    config = recipe(DEFAULT, SD())
    small = quick(config)
    assert small.train.steps < config.train.steps
    assert small.regularize.count < 100
    assert parse(values_of(small)) == small


def told(name):
    """A recipe's docstring in one line."""
    return " ".join(RECIPES[name].__doc__.split())


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - {DEFAULT}))  # the default's numbers are the README's
def test_a_recipe_says_what_was_measured_and_where(name):
    files = re.findall(r"benchmarks/results/[\w./-]*\w", told(name))
    assert files or "Not measured yet" in told(name)
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("dreambooth", "dreambooth"),
        ("data-perspective", "data-perspective"),
        ("class-diffusion", "eos weight=0.25"),
        ("class-diffusion-released", "released weight=0.25"),
    ],
)
def test_its_scores_are_those_of_the_file(name, arm):
    [file] = re.findall(r"benchmarks/results/[\w./-]*summary\.json", told(name))
    measured = read_json(ROOT / file)["recipes"][arm]
    said = re.findall(r"(\w+) (\d\.\d{3})\b", told(name))
    assert len(said) == 4
    assert said == [(metric, f"{measured[metric]['mean']:.3f}") for metric, _ in said]


def test_the_defenses_scores_are_those_of_the_red_team():
    weak, strong = (read_json(ROOT / "benchmarks/results" / f"{n}.json") for n in ("redteam", "redteam-others"))
    bites = [strong["gap_closed"][p] for p in ("fsmg", "advdm", "aspl", "adaptive")]
    assert f"win back {min(bites):.2f} to {max(bites):.2f} of what four attacks cost" in told("shortcut-defense")
    assert f"cost clean photos {strong['clean_cost']:.2f}" in told("shortcut-defense")
    assert f"costs {max(weak['undefended_loss'].values()):.2f} at most" in told("shortcut-defense")
    clean = {row["defense"]: f"{row['average']:.3f}" for row in weak["scores"] if row["protection"] == "clean"}
    assert f"{clean['decouple']}, without {clean['none']}" in told("contrastive-decoupling")


def test_the_page_about_training_names_the_miniature_s_rates():
    [said] = re.findall(r"On the miniature: (.*?)\. ", (ROOT / "docs/4-train.md").read_text())
    rates = [float(rate) for rate in re.findall(r"\d\S*e-\d", said)]
    assert rates == [rate for group in RATES.values() for rate in group.values()]


def test_an_unknown_recipe_names_those_there_are():
    with pytest.raises(ConfigError, match="there are: staytrue, dreambooth"):
        recipe("dreamboth", SD())


def test_the_default_defends_itself_with_the_purifier_of_the_recipe_for_that_and_decouples_by_noisy_copies(backbone):
    """And with nothing else of it."""
    config, theirs = recipe("staytrue", backbone), recipe("shortcut-defense", backbone)
    mine, words = with_defense(config), theirs.generate.suffix
    assert config.purify.name == "none"
    assert mine.purify == theirs.purify
    endings = {"subject_suffix": words, "class_suffix": words}
    told = values_of(mine)["train"]
    assert told == values_of(config)["train"] | endings | {"noisy": told["noisy"]}
    assert mine.train.noisy.suffix == words.replace("without", "with")
    assert values_of(mine)["generate"] == values_of(config)["generate"] | {"suffix": words}
    changed = {name: getattr(config, name) for name in ("purify", "train", "generate")}
    assert mine.model_copy(update=changed) == config
