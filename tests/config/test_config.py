"""Three ways in, one way through: layering, overrides, and errors that say where and what is allowed."""

import tomllib

import pytest

from staytrue.backbones import SD
from staytrue.config import RunConfig, layered, load_toml, overridden, parse, to_toml, values_of
from staytrue.errors import ConfigError
from staytrue.recipes import RECIPES, recipe

SUBJECT = {"name": "my-dog", "photos": "photos", "class_noun": "dog"}


@pytest.fixture(scope="module")
def values():
    return values_of(recipe("dreambooth", SD())) | {"subjects": [SUBJECT]}


def problems(values):
    with pytest.raises(ConfigError) as raised:
        parse(values)
    return str(raised.value).splitlines()


@pytest.mark.parametrize("name", RECIPES)
def test_toml_and_json_bring_back_the_same_configuration(name):
    config = recipe(name, SD())
    assert parse(values_of(config)) == config
    assert parse(tomllib.loads(to_toml(config))) == config


def test_a_path_that_is_no_utf_8_is_named_alone(values):
    values = values | {"subjects": [SUBJECT | {"photos": "home/caf\udce9"}]}
    assert problems(values) == [r"'home/caf\udce9' is not text in UTF-8; rename that file or folder"]


def test_layering_keeps_what_is_not_named(values):
    above = layered(values, {"train": {"steps": 7}})
    assert above["train"] == {**values["train"], "steps": 7}
    assert values["train"]["steps"] != 7  # the lower layer is not touched


def test_another_name_starts_from_that_components_defaults():
    below = {"regularize": {"name": "structured", "count": 300}}
    assert layered(below, {"regularize": {"name": "class_prompt"}}) == {"regularize": {"name": "class_prompt"}}
    assert layered(below, {"regularize": {"name": "structured", "against": 0.1}})["regularize"]["count"] == 300


def test_names_are_set_before_their_fields_whatever_the_order(values):
    config = parse(overridden(values, ["regularize.count=8", "regularize.name=structured"]))
    assert (config.regularize.name, config.regularize.count) == ("structured", 8)


@pytest.mark.parametrize(
    ("written", "read"),
    [("400", 400), ("0.5", 0.5), ("true", True), ('["a", "b"]', ["a", "b"]), ("text", "text"), ("null", None)],
)
def test_values_are_read_as_toml_null_or_text(written, read):
    assert overridden({"a": {"b": 1}}, [f"a.b={written}"]) == {"a": {"b": read}}


def test_overrides_reach_into_lists(values):
    config = parse(overridden(values, ["subjects.0.heldout=held/out"]))
    assert str(config.subjects[0].heldout) == "held/out"
    assert config.subjects[0].class_noun == "dog"


def test_an_unknown_setting_is_named_with_those_there_are(values):
    (said,) = problems(layered(values, {"train": {"stepz": 3}}))
    assert said.startswith("train.stepz: no such setting; there are: ")
    assert "steps" in said


def test_an_unknown_setting_deep_in_a_union_has_a_plain_dotted_path(values):
    (said,) = problems(overridden(values, ["train.adapter.name=lora", "train.adapter.rnk=3"]))
    assert said.startswith("train.adapter.rnk: no such setting; there are: ")
    assert "rank" in said


def test_an_unknown_component_is_named_with_those_there_are(values):
    (said,) = problems(overridden(values, ["caption.name=poet"]))
    assert said == "caption.name: no 'poet'; there are: background, blip, sidecar, template"


@pytest.mark.parametrize(
    ("assignment", "path"), [("seed=x", "seed"), ("seed=1.5", "seed"), ('train.steps="3"', "train.steps")]
)
def test_types_are_strict(values, assignment, path):
    (said,) = problems(overridden(values, [assignment]))
    assert said.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("purify=jpeg", "purify: holds settings, got 'jpeg'; write purify.name=jpeg"),
        ("purify=jpg", "purify: holds settings, got 'jpg'; choose one, such as purify.name=chain; there are: chain, "),
        ("purify=[1]", "purify: holds settings, got [1]; choose one"),
        ("train.select=true", "train.select: holds settings, got True; there are: train.select."),
        (
            "evaluate.metrics=dino",
            "evaluate.metrics: holds settings, got 'dino'; there are: evaluate.metrics.NAME.field",
        ),
        ("train.checkpoint_every=100", "train.checkpoint_every: Input should be a valid string, such as '100 steps', "),
        ("train.previews.every=9 stps", "train.previews.every: String should match pattern"),
    ],
)
def test_what_people_write_first_is_answered_with_how_it_is_written(values, assignment, said):
    (told,) = problems(overridden(values, [assignment]))
    assert told.startswith(said)


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (
            ["subjects.0.class_noun=a dog"],
            "subjects.0: class_noun is said with an article by itself: 'dog', not 'a dog'",
        ),
        (["train.keep_state=true", "train.select.margin=0.1"], "train: keep_state goes on with more steps, and "),
        (['train.previews.prompts=["a {} and a {other}"]'], "train: the prompts of previews are of one subject each"),
        (['train.select.prompts=["a {} and a {other}"]'], "train: the prompts of select are of one subject each"),
        (
            ["train.crop_range=[1.0, 0.5]"],
            "train.crop_range: the least and the most are shares above 0 and up to 1, in ",
        ),
        (
            ["train.objectives.step.objective.name=denoising"],
            "train.objectives: an objective cannot be called step, as another column of the curve is",
        ),
    ],
)
def test_our_own_checks_speak_for_themselves(values, assignments, said):
    """Without the library's name for them, and without a whole section after them."""
    (told,) = problems(overridden(values, assignments))
    assert told.startswith(said)
    assert "{" not in told


def test_every_problem_is_listed_at_once(values):
    said = problems(overridden(values, ["train.stepz=3", "seed=x", "caption.name=poet"]))
    assert {line.split(":")[0] for line in said} == {"train.stepz", "seed", "caption.name"}


def test_assignments_need_an_equals_sign():
    with pytest.raises(ConfigError, match=r"'train\.steps' is not of the form section\.field=value"):
        overridden({}, ["train.steps"])


def test_toml_files_that_are_absent_or_broken_are_named(tmp_path):
    with pytest.raises(ConfigError, match="no config file"):
        load_toml(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("train = {")
    with pytest.raises(ConfigError, match=r"bad\.toml is not valid TOML"):
        load_toml(tmp_path / "bad.toml")


def test_the_configuration_is_frozen():
    with pytest.raises(Exception, match="frozen"):
        RunConfig().seed = 3
