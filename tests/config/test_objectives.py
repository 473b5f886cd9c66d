"""Objectives and sampling from the command line: by name, by dotted path, with errors in words, before weights load."""

import tomllib

import pytest

from staytrue.checks import check, unknown_words
from staytrue.config import overridden, parse, to_toml, values_of
from staytrue.errors import ConfigError
from staytrue.generate import TEA
from staytrue.objectives import OBJECTIVES, SemanticAnchor
from staytrue.recipes.demo import bundled_subject, demo


def changed(*assignments):
    of_a_dog = demo().model_copy(update={"subjects": (bundled_subject("dog6"),)})
    return parse(overridden(values_of(of_a_dog), assignments))


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_every_objective_is_named_and_comes_back_from_toml(name):
    config = changed(f"train.objectives.mine.objective.name={name}", "train.objectives.mine.weight=0.5")
    assert config.train.objectives["mine"].objective == OBJECTIVES.get(name)()
    assert parse(tomllib.loads(to_toml(config))) == config


def test_fields_are_reached_by_dotted_path():
    path = "train.objectives.anchor.objective"
    config = changed(f"{path}.reading=B", f"{path}.name=semantic_anchor", "generate.sampling.tea.rotation=0.3")
    assert config.train.objectives["anchor"].objective == SemanticAnchor(reading="B")
    assert config.generate.sampling.tea == TEA(rotation=0.3)


def test_errors_name_the_path_and_what_is_allowed():
    path = "train.objectives.anchor.objective"
    with pytest.raises(ConfigError, match=rf"{path}\.raeding: no such setting; there are: .*reading"):
        changed(f"{path}.name=semantic_anchor", f"{path}.raeding=B")
    with pytest.raises(ConfigError, match=rf"{path}\.name: no 'semantic'; there are: .*semantic_ladder"):
        changed(f"{path}.name=semantic")
    with pytest.raises(ConfigError, match=rf"{path}\.reading: .*'A', 'B', 'C' or 'D'"):
        changed(f"{path}.name=semantic_anchor", f"{path}.reading=E")


@pytest.mark.parametrize(
    "name", [name for name in OBJECTIVES.names() if "gamma" in OBJECTIVES.get(name).__dataclass_fields__]
)
def test_a_cap_that_leaves_nothing_to_learn_is_no_cap(name):
    with pytest.raises(ConfigError, match=r"mine\.objective\.gamma: Input should be greater than 0"):
        changed(f"train.objectives.mine.objective.name={name}", "train.objectives.mine.objective.gamma=0")


@pytest.mark.parametrize(
    ("field", "said"), [("alpha=0", "greater than 0"), ("alpha=-1", "greater than 0"), ("layers=[]", "at least 1")]
)
def test_a_lora_of_nothing_is_none(field, said):
    with pytest.raises(ConfigError, match=rf"train\.adapter\.{field.partition('=')[0]}: .*{said}"):
        changed("train.adapter.name=lora", f"train.adapter.{field}")


def test_what_cannot_work_is_said_before_weights_load():
    path = "train.objectives.mine.objective"
    with pytest.raises(ConfigError, match="mine needs something that can move the subject's phrase"):
        check(changed(f"{path}.name=class_semantics"))
    check(changed(f"{path}.name=class_semantics", "train.adapter.token=true"))
    with pytest.raises(ConfigError, match="neighbors of 'dog' too"):
        check(changed(f"{path}.name=semantic_ladder", f'{path}.others=["dog"]'))
    with pytest.raises(ConfigError, match="mine needs class images"):
        check(changed(f"{path}.name=semantic_anchor", f"{path}.reading=C", "train.class_rows=0",
                      'train.objectives.class.weight=0'))  # fmt: skip


def test_words_to_carry_over_are_looked_for_in_the_set():
    """A set that cannot have them is an error before anything is drawn; a missing set is said first."""
    carries = "train.objectives.mine.objective.name=semantic_delta"
    plain = (carries, "train.objectives.style.weight=0", "regularize.name=structured")
    check(changed(*plain))
    for settings in (
        ("regularize.name=class_prompt",),
        ("regularize.styled=0", "regularize.photo=0.8", "regularize.photo_style="),
        ("regularize.captions=class_noun",),
    ):
        with pytest.raises(ConfigError, match=r"mine needs class images with other styles .*mine\.weight=0"):
            check(changed(*plain, *settings))
    with pytest.raises(ConfigError, match=r"mine needs class images: choose"):
        check(changed(*plain, "train.class_rows=0", "train.objectives.class.weight=0"))
    adjectives = (*plain, "train.objectives.mine.objective.carried=adjectives")
    check(changed(*adjectives))
    with pytest.raises(ConfigError, match=r"mine needs class images: choose"):
        check(changed(*adjectives, "train.class_rows=0", "train.objectives.class.weight=0"))
    with pytest.raises(ConfigError, match=r"mine needs class images with other adjectives"):
        check(changed(*adjectives, "regularize.stated=0"))


@pytest.mark.parametrize(("name", "says"), [("dog6", True), ("can", False)])
def test_things_do_not_move(name, says):
    subject = {"subjects": (bundled_subject(name),)}
    details = "train.objectives.mine.objective={name='semantic_delta', carried='details'}"
    config = parse(overridden(values_of(demo().model_copy(update=subject)), [details]))
    if says:
        check(config)
    else:
        with pytest.raises(ConfigError, match=r"for things regularize\.accessories above 0"):
            check(config)


def test_words_that_objectives_and_suffixes_bring_are_checked():
    path = "train.objectives.mine.objective"
    settings = (f"{path}.name=semantic_ladder", f'{path}.others=["car", "zeppelin"]')
    suffixes = ("train.subject_suffix=with flurbish noise", "generate.suffix=without grumpel")
    assert not unknown_words(demo())
    assert unknown_words(changed(*settings, *suffixes)) == ["grumpel", "flurbish", "zeppelin"]


@pytest.mark.miniature
@pytest.mark.parametrize(
    "settings",
    [
        ("caption.name=template", "caption.background=on a zeppelin"),
        ("caption.name=background", 'caption.phrases=["on a zeppelin", "on the beach"]'),
        ("generate.sampling.negative=zeppelin",),
        ("train.previews.every=10 steps", 'train.previews.prompts=["a {} on a zeppelin"]'),
        ("train.previews.every=10 steps", "train.previews.sampling.negative=zeppelin"),
        ('train.select.prompts=["a {} on a zeppelin"]',),
        ("train.objectives.mine.objective={name='class_semantics', style='a zeppelin of'}",),
        ("train.objectives.mine.objective={name='semantic_ladder', neighbors=['zeppelin']}",),
        ("regularize.name=class_prompt", "regularize.style=a zeppelin of"),
        ("regularize.name=structured", "regularize.photo_style=a zeppelin of"),
    ],
)
def test_words_of_every_section_are_checked(settings):
    assert unknown_words(changed(*settings)) == ["zeppelin"]


@pytest.mark.miniature
def test_words_of_pools_of_ones_own_are_checked(tmp_path):
    (tmp_path / "backgrounds.txt").write_text("on the beach\non a zeppelin\n")
    (tmp_path / "motions.txt").write_text("a $concept sleeping in a gondola\n")
    named = ("regularize.name=structured", f"regularize.words={tmp_path}")
    assert unknown_words(changed(*named)) == ["zeppelin", "gondola"]
    with pytest.raises(ConfigError, match="there is no word pool in it"):
        unknown_words(changed("regularize.name=structured", f"regularize.words={tmp_path.parent / 'no'}"))


def test_a_term_of_weight_0_needs_no_words():
    style = "train.objectives.mine.objective={name='class_semantics', style='a zeppelin of'}"
    assert not unknown_words(changed(style, "train.objectives.mine.weight=0"))


def test_previews_that_are_never_drawn_need_no_words():
    assert not unknown_words(changed("train.previews.every=null", 'train.previews.prompts=["a {} on a zeppelin"]'))
