"""Recipes as differences: what each paper changes over the one it is derived from, in numbers, and nothing else."""

import pytest

from staytrue.backbones import SD
from staytrue.checks import check, unknown_words
from staytrue.config import overlaid, values_of
from staytrue.recipes import RECIPES, quick, recipe
from staytrue.recipes.demo import bundled_subject
from staytrue.types import Facts

REAL = Facts("sd", "Stable Diffusion 1.5", 512, (4, 64, 64), "epsilon")


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setattr(SD, "facts", lambda self: REAL)
    return SD(path="some/model")


def flat(values, path=""):
    if not isinstance(values, dict):
        return {path: values}
    return {k: v for key, value in values.items() for k, v in flat(value, f"{path}.{key}".lstrip(".")).items()}


def changed(above, below, backbone):
    """What the first recipe says that the second does not, by dotted path."""
    one, other = (flat(values_of(recipe(name, backbone))) for name in (above, below))
    return {path: value for path, value in one.items() if path not in other or other[path] != value}


def weights(config):
    """Objective -> weight, of the terms that count."""
    return {(t.objective.name, t.objective.rows): t.weight for t in config.train.objectives.values() if t.weight}


def test_textual_inversion_trains_one_row_without_class_images(real):
    assert changed("textual-inversion", "dreambooth", real) == {
        "caption.style": "a photo of",
        "regularize.name": "none",
        "train.adapter.name": "textual_inversion",
        "train.objectives.class.weight": 0.0,
        "train.steps": 3000,
        "train.learning_rate": 2e-3,
        "train.batch": 4,
        "train.class_rows": 0,
    }


def test_custom_diffusion_states_the_effective_rate(real):
    """1e-5 scaled by 2 pictures on one GPU is 2e-5."""
    config = recipe("custom-diffusion", real)
    assert config.train.adapter.initializers == ("ktn", "pll", "ucd")
    assert config.train.learning_rate == pytest.approx(1e-5 * config.train.batch)
    assert (config.train.steps, config.train.class_rows, config.regularize.count) == (250, 2, 200)
    assert (config.generate.sampling.steps, config.generate.sampling.guidance) == (100, 6.0)


def test_class_diffusion_adds_its_loss_to_custom_diffusion_and_drops_class_images(real):
    changes = changed("class-diffusion", "custom-diffusion", real)
    assert changes["train.objectives.semantics.weight"] == 0.25  # the released 1 beside four times a mean square
    assert changes["train.objectives.semantics.objective.pooling"] == "eos"
    assert (changes["train.steps"], changes["train.class_rows"], changes["regularize.name"]) == (500, 0, "none")
    assert weights(recipe("class-diffusion", real)) == {("denoising", "subject"): 1, ("class_semantics", "none"): 0.25}
    same = recipe("class-diffusion", real).train, recipe("custom-diffusion", real).train
    assert same[0].adapter == same[1].adapter
    assert same[0].learning_rate == same[1].learning_rate == 2e-5


def test_released_class_diffusion_differs_by_its_pooling_alone(real):
    pooling = {"train.objectives.semantics.objective.pooling": "released"}
    assert changed("class-diffusion-released", "class-diffusion", real) == pooling
    assert changed("class-diffusion-released", "class-diffusion", SD()) == pooling


def test_semantic_anchoring_is_dreambooth_with_the_anchor_in_place_of_class_images(real):
    changes = changed("semantic-anchoring", "dreambooth", real)
    anchor = {p: v for p, v in changes.items() if p.startswith("train.objectives.anchor.")}
    assert changes == {
        "regularize.name": "none",
        "train.class_rows": 0,
        "train.objectives.class.weight": 0.0,
        **anchor,
    }
    assert anchor["train.objectives.anchor.objective.reading"] == "A"
    assert weights(recipe("semantic-anchoring", real))[("semantic_anchor", "subject")] == 0.5


def test_dco_weighs_its_loss_by_one_over_beta_in_place_of_denoising(real):
    config = recipe("dco", real)
    assert weights(config) == {("direct_consistency", "subject"): 1e-3}
    [term] = [t for t in config.train.objectives.values() if t.weight]
    assert term.weight * term.objective.beta == pytest.approx(1)
    assert (config.train.adapter.name, config.train.adapter.rank, config.train.steps) == ("lora", 32, 2000)
    assert (config.train.learning_rate, config.train.text_encoder_learning_rate) == (5e-5, 5e-6)


def test_contrastive_decoupling_is_three_settings_over_dreambooth_with_a_text_encoder(real):
    assert changed("contrastive-decoupling", "dreambooth", real) == {
        "caption.style": "a photo of",
        "regularize.style": "a photo of",
        "regularize.count": 200,
        "train.adapter.text_encoder": True,
        "train.learning_rate": 5e-7,
        "train.subject_suffix": "with bhj noisy pattern",
        "train.class_suffix": "without bhj noisy pattern",
        "generate.suffix": "without bhj noisy pattern",
        "generate.sampling.negative": "noisy, lowres, artifact, pattern",
        "generate.sampling.steps": 100,
    }


@pytest.mark.parametrize("backbone", ["real", "miniature"])
def test_shortcut_defense_adds_cleaning_to_contrastive_decoupling(backbone, request):
    named = request.getfixturevalue("real") if backbone == "real" else SD()
    changes = changed("shortcut-defense", "contrastive-decoupling", named)
    assert changes.pop("purify.name") == "chain"
    cleaning = {"real": ["jpeg", "diffpure"], "miniature": ["gaussian", "restore"]}
    assert [step["name"] for step in changes.pop("purify.steps")] == cleaning[backbone]
    noisy = {"suffix": "with zwx noise", "levels": [5, 16]}
    words = {"train.subject_suffix": "without zwx noise"} | {
        f"train.noisy.{name}": told for name, told in noisy.items()
    }
    assert changes == ({} if backbone == "real" else words)
    assert recipe("shortcut-defense", named).inspect.action == "warn"


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("subject", ["dog6", "can"])
def test_the_miniature_knows_every_word_and_nothing_is_missing(name, subject):
    """What ``check`` finds before weights load, and words of captions' suffixes, prompts, negatives and starting rows."""
    config = recipe(name, SD()).model_copy(update={"subjects": (bundled_subject(subject),)})
    check(config)
    assert unknown_words(config) == []
    vocabulary, sampling = config.backbone.facts().vocabulary, config.generate.sampling
    assert set(sampling.negative.split()) <= vocabulary
    starts = getattr(config.train.adapter, "initializers", ())
    assert set(starts) <= vocabulary
    assert config.subjects[0].identifier not in starts


def test_the_ladder_of_the_anchors_reading_f_is_one_assignment_away():
    ladder = {"weight": 0.01, "objective": {"name": "semantic_ladder"}}
    config = overlaid(recipe("semantic-anchoring", SD()), {"train": {"objectives": {"ladder": ladder}}})
    config = config.model_copy(update={"subjects": (bundled_subject("dog6"),)})
    check(config)
    assert unknown_words(config) == []


def test_the_miniature_s_recipes_crop_nothing():
    assert {recipe(name, SD()).train.crop_range for name in RECIPES} == {(1.0, 1.0)}


def test_the_miniature_is_fitted_by_what_trains():
    """Rates follow the adapter; a rate for the text encoder is there only where it trains; no class rows without class images."""
    configs = {name: recipe(name, SD()).train for name in RECIPES}
    assert {name: train.learning_rate for name, train in configs.items()} == {
        **dict.fromkeys(RECIPES, 1.5e-4),
        "textual-inversion": 5e-3,
        **dict.fromkeys(("custom-diffusion", "class-diffusion", "class-diffusion-released"), 5e-4),
        "dco": 1e-3,
    }
    trained = {name for name, train in configs.items() if train.text_encoder_learning_rate}
    assert trained == {"dco", "contrastive-decoupling", "shortcut-defense"}
    assert configs["dco"].text_encoder_learning_rate == pytest.approx(1e-4)
    without = {name for name, train in configs.items() if not train.class_rows}
    assert without == {name for name in RECIPES if recipe(name, SD()).regularize.name == "none"}
    assert configs["textual-inversion"].steps == 2 * configs["dco"].steps == 400


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_quick_form(name):
    whole, small = recipe(name, SD()), quick(recipe(name, SD()))
    assert small.train.steps == whole.train.steps // 4
    assert getattr(small.regularize, "count", 0) <= 48
    assert small.train.objectives == whole.train.objectives
