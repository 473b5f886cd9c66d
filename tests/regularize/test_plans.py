"""What each prior set asks for."""

import random
from collections import Counter
from dataclasses import replace
from typing import get_args

import pytest
from pydantic import ValidationError

from staytrue.caption.sentence import with_identifier
from staytrue.errors import ConfigError
from staytrue.generate.prompts import default_prompts
from staytrue.regularize.base import Brief, image_seed
from staytrue.regularize.class_prompt import ClassPrompt
from staytrue.regularize.none import NoPriorSet
from staytrue.regularize.structured import Structured, interleave, own_backgrounds
from staytrue.regularize.words import built_in, pool, style_phrase
from staytrue.types import Caption, Facts, Slot
from tests.regularize.stand_in import WORDS, subject

MINIATURE = Facts("sd", "miniature", 64, (8, 16, 16), "v_prediction", is_miniature=True, words=WORDS)
REAL = Facts("sd", "SD 1.5", 512, (4, 64, 64), "epsilon")
CAPTIONS = tuple(Caption("backpack", identifier="zwx", background=b) for b in ("on a rock", "at home", "on a rock"))


def brief(
    noun: str = "backpack", facts: Facts = MINIATURE, captions: tuple[Caption, ...] = CAPTIONS, seed: int = 0
) -> Brief:
    return Brief(subject(noun), captions, facts, seed)


def test_none_plans_nothing() -> None:
    assert NoPriorSet().plan(brief()) == []


@pytest.mark.parametrize(("facts", "count"), [(MINIATURE, 300), (REAL, 200)])
def test_class_prompt_is_dreambooths(facts: Facts, count: int) -> None:
    plan = ClassPrompt().plan(brief(facts=facts))
    assert {p.caption.render() for p in plan} == {"a backpack"}
    assert len({p.seed for p in plan}) == len(plan) == count
    assert ClassPrompt(count=3, style="a photo of").plan(brief())[0].caption.render() == "a photo of a backpack"


@pytest.mark.parametrize(("facts", "count"), [(MINIATURE, 300), (REAL, 2000)])
def test_structured_counts_and_shares(facts: Facts, count: int) -> None:
    """20 % against training, 60 % photographic, 20 % styled: told apart by how they begin."""
    styles = Counter(p.caption.style for p in Structured().plan(brief(facts=facts)))
    assert sum(styles.values()) == count
    assert styles[""] == 0.2 * count
    assert styles["a photo of"] == 0.6 * count


def test_against_training_prompts_have_the_subjects_own_backgrounds() -> None:
    against = [p.caption for p in Structured(count=100).plan(brief()) if not p.caption.style]
    assert {c.background for c in against} == {"on a rock", "at home"}
    others = {p.caption.background for p in Structured(count=100, leak_guard=False).plan(brief()) if p.caption.style}
    assert others == set(WORDS["backgrounds"])


def test_objects_have_shape_color_and_texture_in_this_order() -> None:
    for planned in Structured(count=50).plan(brief()):
        caption = planned.caption
        shape, color, texture = caption.adjectives
        assert shape in WORDS["shapes"]
        assert color in WORDS["colors"]
        assert texture in WORDS["textures"]
        assert caption.details == ""
        assert caption.identifier == ""
    caption = Structured(count=1, against=0, photo=0, styled=1).plan(brief())[0].caption
    assert replace(
        caption, adjectives=("tall", "red", "shiny"), background="in a city", style=style_phrase("pixel art")
    ).render() == ("a pixel art of a tall red shiny backpack in a city")


def test_the_living_have_moods_and_motions_instead() -> None:
    """The miniature has no bodies, and colors for skins; its motions name no place, so the background stays."""
    plan = Structured(count=50, leak_guard=False).plan(brief("dog"))
    assert {p.caption.adjectives for p in plan} == {(c, m) for c in WORDS["colors"] for m in WORDS["moods"]}
    assert {p.caption.details for p in plan if p.caption.style} == set(WORDS["motions"])
    assert {p.caption.details for p in plan if not p.caption.style} == {""}  # against training: as the paper has it
    assert all(p.caption.background for p in plan)
    assert "{phrase}" not in plan[0].caption.render()
    assert " dog " in plan[0].caption.render()


@pytest.mark.parametrize(("noun", "kin"), [("dog", ""), ("woman", "people/")])
def test_the_papers_living_form(noun: str, kin: str) -> None:
    """Body, skin and emotion before the noun; a motion, which names a place, instead of the background."""
    for planned in Structured(count=40).plan(brief(noun, REAL)):
        caption = planned.caption
        for word, name in zip(caption.adjectives, ("bodies", "skins", "emotions"), strict=True):
            assert word in pool(f"{kin}{name}", REAL)
        if caption.style:
            assert caption.details in pool(f"{kin}motions", REAL)
            assert caption.background == ""
        else:
            assert caption.details == ""
            assert caption.background in {"on a rock", "at home"}


def test_against_training_takes_the_photos_backgrounds_in_turn() -> None:
    against = [p.caption.background for p in Structured(count=25).plan(brief()) if not p.caption.style]
    assert against == ["on a rock", "at home", "on a rock", "at home", "on a rock"]


@pytest.mark.parametrize("noun", ["backpack", "dog"])
def test_no_more_is_stated_than_asked_and_each_number_as_often(noun: str) -> None:
    def counts(stated):
        plan = Structured(count=3000, stated=stated, against=0, photo=1, styled=0).plan(brief(noun))
        return Counter(len(p.caption.adjectives) + bool(p.caption.details) for p in plan)

    assert counts(None) == {3: 3000}  # shape, color, texture; color, mood, motion
    assert counts(0) == {0: 3000}
    two = counts(2)
    assert two.keys() == {0, 1, 2}
    assert all(900 < n < 1100 for n in two.values())


def test_where_a_motion_names_no_place_because_none_is_stated_the_background_is_back() -> None:
    plan = Structured(count=200, stated=1, against=0, photo=1, styled=0).plan(brief("dog", REAL))
    assert all(bool(p.caption.details) != bool(p.caption.background) for p in plan)
    assert {bool(p.caption.details) for p in plan} == {True, False}


def test_every_slot_is_stated_at_times() -> None:
    plan = Structured(count=300, stated=1, leak_guard=False).plan(brief())
    stated = {word for p in plan for word in p.caption.adjectives}
    assert stated == {*WORDS["shapes"], *WORDS["colors"], *WORDS["textures"]}


@pytest.mark.parametrize("noun", ["dog", "backpack"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"styled": 0.0, "photo": 0.8, "against": 0.2},
        {"styled": 0.0, "photo": 0.8, "photo_style": ""},
        {"styled": 0.0, "photo": 0.0, "against": 1.0},
        {"stated": 0},
        {"stated": 0, "accessories": 0.5},
        {"captions": "class_noun"},
    ],
    ids=str,
)
def test_slots_are_what_the_captions_say(changes, noun) -> None:
    """What is promised before anything is drawn, such as to an objective that needs styles, is in the plan."""
    prior_set = Structured(**changes)
    facts = replace(MINIATURE, words=WORDS | {"accessories": ["a crown", "a tie", "a hat"]})
    trained_as = [planned.trained_as or planned.caption for planned in prior_set.plan(brief(noun, facts))]
    said = {slot for slot in get_args(Slot) if any(caption.says(slot) for caption in trained_as)}
    assert prior_set.slots(subject(noun)) == said


def test_the_style_of_a_class_prompt_is_one() -> None:
    assert ClassPrompt(style="a painting of").slots(subject("dog")) == {"style"}
    assert ClassPrompt().slots(subject("dog")) == frozenset()


def test_classes_have_words_of_their_own() -> None:
    one, two = (Structured(count=30).plan(brief(noun)) for noun in ("backpack", "vase"))
    assert [p.caption.adjectives for p in one] != [p.caption.adjectives for p in two]
    assert [p.seed for p in one] == [p.seed for p in two]


def test_evaluation_prompts_of_other_things_are_not_class_images() -> None:
    asked = Structured(count=60, evaluation_prompts=("a {} in space", "a horse", "a backpack"))
    backgrounds = {p.caption.render() for p in asked.plan(brief()) if not p.caption.style}
    assert any("in space" in text for text in backgrounds)
    assert not any("horse" in text for text in backgrounds)
    assert "a backpack" not in backgrounds


def test_exactly_repeatable_and_moved_by_the_seed() -> None:
    plan = Structured(count=60).plan(brief())
    assert plan == Structured(count=60).plan(brief())
    other = Structured(count=60).plan(brief(seed=1))
    assert all(a.seed != b.seed for a, b in zip(plan, other, strict=True))
    assert plan != other


@pytest.mark.parametrize("prior_set", [Structured, ClassPrompt])
def test_a_larger_set_begins_with_the_smaller(prior_set) -> None:
    assert prior_set(count=100).plan(brief())[:30] == prior_set(count=30).plan(brief())


def test_the_global_random_state_is_left_alone() -> None:
    random.seed(3)
    expected = random.Random(3).random()
    Structured(count=10).plan(brief())
    assert random.random() == expected


def test_shares_must_be_whole() -> None:
    with pytest.raises(ValidationError, match=r"must be 1, they are 1\.1"):
        Structured(against=0.3)
    assert {p.caption.style for p in Structured(count=9, against=0, photo=1, styled=0).plan(brief())} == {"a photo of"}


def test_interleave_by_hand() -> None:
    """Shares .2 .6 .2: photo lags most at 1 (.6), against and styled at 2 (.4, the earlier wins), ..."""
    shares = {"against": 0.2, "photo": 0.6, "styled": 0.2}
    assert interleave(shares, 5) == ["photo", "against", "photo", "styled", "photo"]
    assert Counter(interleave(shares, 1000)) == {"against": 200, "photo": 600, "styled": 200}


def test_seeds_are_fixed_for_good() -> None:
    """A change would orphan every stored class image."""
    assert image_seed(0, 0) == 3085258431
    assert len({image_seed(s, i) for s in range(3) for i in range(2000)}) == 6000


def test_captions_without_backgrounds() -> None:
    assert own_backgrounds((Caption("dog"),)) == ("",)
    against = [
        p.caption for p in Structured(count=10).plan(brief(captions=(Caption("backpack"),))) if not p.caption.style
    ]
    assert all(c.background == "" and len(c.adjectives) == 3 for c in against)


def test_a_pool_the_backbone_lacks_leaves_only_that_slot_empty() -> None:
    lacking = replace(MINIATURE, words={k: v for k, v in WORDS.items() if k != "shapes"})
    for full, less in zip(
        Structured(count=20).plan(brief()), Structured(count=20).plan(brief(facts=lacking)), strict=True
    ):
        assert less.caption == replace(full.caption, adjectives=full.caption.adjectives[1:])


@pytest.mark.parametrize("name", ["shapes", "colors", "textures", "backgrounds", "styles", "motions", "emotions"])
def test_built_in_pools_serve_models_without_lists(name: str) -> None:
    words = pool(name, REAL)
    assert len(words) >= 16
    assert len(set(words)) == len(words)
    assert all(w == w.strip() and w and "$" not in w for w in words)
    if name == "motions":
        assert all(line.startswith("a $concept ") for line in built_in("motions"))
    if name == "styles":
        assert all(style_phrase(w) == w for w in words)


@pytest.mark.parametrize("noun", ["actor", "children", "teddy bear", "robot", "dogs", "hot dog"])
def test_sets_and_prompts_have_one_form(noun: str) -> None:
    """A set that makes a thing of the subject beside prompts that dress it would test what was never trained, and so inversely."""
    words = WORDS | {"nouns": {noun: {"living": noun in ("teddy bear", "robot")}}}
    for facts in (REAL, replace(MINIATURE, words=words)):
        living = any("wearing" in prompt for prompt in default_prompts(subject(noun), facts))
        assert living is (noun in ("actor", "children", "dogs"))
        assert any(planned.caption.details for planned in Structured(count=20).plan(brief(noun, facts))) is living


def test_people_have_words_of_their_own_in_either_number_and_by_the_broad_noun() -> None:
    skins = set(built_in("people/skins")) - set(built_in("skins"))
    for noun, vague in (("kids", None), ("barista", "person")):
        one = replace(brief(noun, REAL), subject=subject(noun, class_noun_vague=vague))
        assert {word for p in Structured(count=30).plan(one) for word in p.caption.adjectives} & skins


def test_class_images_name_no_subject_of_the_run() -> None:
    """Two are in one photo, or in one prompt, by hand: what is drawn of the class must not teach the other's word."""
    other = subject("cat").model_copy(update={"identifier": "sks"})
    shown = with_identifier("a backpack with a Sks cat at home", subject())
    assert shown is not None
    captions, everyone = (shown, Caption("backpack", background="on a rock")), (subject(), other)
    prompts = ("a {} beside a sks cat", "a painting of a {} and a SKS cat")
    planned = Structured(count=40, evaluation_prompts=prompts).plan(Brief(subject(), captions, MINIATURE, 0, everyone))
    said = {c.background or c.details or c.text for p in planned if not (c := p.caption).style}
    assert said == {"on a rock", "beside a cat", "a painting of a backpack and a cat"}


def evaluated(**changes: object) -> list[Caption]:
    return [p.caption for p in Structured(count=200, **changes).plan(brief()) if not p.caption.style]


def test_the_papers_own_leak_on_request() -> None:
    """A prompt that begins with the slot keeps its adjectives; any other is the sentence it is; no prompt names the subject."""
    prompts = ("a {} on the moon", "a red {}", "a painting of a {} in a city")
    captions = evaluated(evaluation_prompts=prompts)
    moon = [c for c in captions if c.details == "on the moon"]
    assert moon
    assert all(len(c.adjectives) == 3 and not c.background for c in moon)
    assert moon[0].render().endswith(" backpack on the moon")
    assert {c.text for c in captions} == {"", "a red backpack", "a painting of a backpack in a city"}
    assert {c.background for c in captions} == {"", "on a rock", "at home"}
    assert not any("zwx" in c.render() for c in captions)
    assert not any("moon" in c.render() for c in evaluated())


@pytest.mark.parametrize(
    ("prompt", "details", "text"),
    [
        ("a zwx backpack on the moon", "on the moon", ""),  # as `generate` takes it, too
        ("a zwx on the moon", "on the moon", ""),
        ("A Zwx Backpack on the moon", "on the moon", ""),
        ("a zwx red backpack", "", "a red backpack"),
        ("an oil painting of a zwx", "", "an oil painting of a backpack"),
    ],
)
def test_an_evaluation_prompt_may_write_the_identifier_out(prompt, details, text) -> None:
    said = {(c.details, c.text) for c in evaluated(evaluation_prompts=(prompt,))}
    assert said == {("", ""), (details, text)}


def test_evaluation_prompts_of_two_subjects_are_nobody_s_class_images() -> None:
    alone, both = "a {} on the moon", "a {} next to a {other}"
    assert evaluated(evaluation_prompts=(alone, both)) == evaluated(evaluation_prompts=(alone,))


@pytest.mark.parametrize("prompts", [("a horse",), ("a {} next to a {other}",)])
def test_evaluation_prompts_without_the_subject_are_an_error(prompts) -> None:
    with pytest.raises(ConfigError, match=r"evaluation_prompts: none of the prompts is of mine alone; write"):
        evaluated(evaluation_prompts=prompts)


def test_a_missing_file_of_evaluation_prompts_is_named_with_its_setting(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"^regularize\.evaluation_prompts: cannot read .*absent\.txt"):
        evaluated(evaluation_prompts=tmp_path / "absent.txt")


def test_evaluation_prompts_are_the_runs(tmp_path) -> None:
    from staytrue.config import parse

    values = {"regularize": {"name": "structured", "evaluation_prompts": True}}
    assert parse(values).prior_set().evaluation_prompts is True
    listed = parse(values | {"generate": {"prompts": ["a {} on the moon"]}}).prior_set()
    assert listed.evaluation_prompts == ("a {} on the moon",)
    assert parse({"generate": {"prompts": ["a {}"]}}).prior_set().name == "none"
    file = tmp_path / "prompts.txt"
    file.write_text("a {} on the moon\n")
    assert any(c.details == "on the moon" for c in evaluated(evaluation_prompts=file))
    defaults = {c.details or c.text for c in evaluated(evaluation_prompts=True)}
    assert {"on the beach", "in the snow"} <= defaults


def test_some_captions_name_no_place_and_say_all_else_alike() -> None:
    whole, some = (Structured(count=300, placeless=share).plan(brief("dog", MINIATURE)) for share in (0, 0.4))
    bare = [after.caption.background == "" for after in some]
    assert not any(before.caption.background == "" for before in whole)
    assert [after.caption for after in some] == [
        replace(before.caption, background="") if gone else before.caption
        for before, gone in zip(whole, bare, strict=True)
    ]
    kinds = interleave({"against": 0.2, "photo": 0.6, "styled": 0.2}, 300)
    assert not any(gone for gone, kind in zip(bare, kinds, strict=True) if kind == "against")
    assert sum(bare) / 240 == pytest.approx(0.4, abs=0.08)


def test_prompts_against_training_may_say_what_the_photos_say_and_no_more() -> None:
    """All else is as it was; without a place as often as the others are, so that "a dog", too, stays any dog."""
    told, bare, nowhere = (
        Structured(count=300, stated=3, **changes).plan(brief("dog", MINIATURE))
        for changes in ({}, {"against_adjectives": False}, {"against_adjectives": False, "placeless": 0.4})
    )
    kinds = interleave({"against": 0.2, "photo": 0.6, "styled": 0.2}, 300)
    places = [before.caption.background for before, kind in zip(told, kinds, strict=True) if kind == "against"]
    said = [after.caption.render() for after, kind in zip(bare, kinds, strict=True) if kind == "against"]
    assert said == [f"a dog {place}" for place in places]
    assert any(before.caption.adjectives for before, kind in zip(told, kinds, strict=True) if kind == "against")
    rest = [(b, a) for b, a, kind in zip(told, bare, kinds, strict=True) if kind != "against"]
    assert all(before == after for before, after in rest)
    without = [after.caption.render() for after, kind in zip(nowhere, kinds, strict=True) if kind == "against"]
    assert set(without) == {"a dog", *said}
    assert without.count("a dog") / 60 == pytest.approx(0.4, abs=0.15)


def test_accessories_take_the_place_of_motions() -> None:
    facts = replace(MINIATURE, words=WORDS | {"accessories": ["a crown", "a tie", "a hat"]})
    plan = Structured(count=100, accessories=0.4).plan(brief("dog", facts))
    details = [p.caption.details for p in plan if p.caption.style]
    share = sum(d.startswith("wearing ") for d in details) / len(details)
    assert 0.25 < share < 0.55
    assert all(d.startswith("wearing ") or d in WORDS["motions"] for d in details)
    assert not any("wearing" in p.caption.details for p in Structured(count=100).plan(brief("dog", facts)))


def test_things_wear_nothing() -> None:
    """And say what they say without the setting: no other choice moves."""
    one, other = (Structured(count=100, placeless=0.5, accessories=a).plan(brief("boots", REAL)) for a in (0, 0.4))
    assert one == other


def test_words_of_ones_own(tmp_path) -> None:
    """A folder's pools replace the backbone's; those it lacks stay. A motion there is a sentence, with its place."""
    (tmp_path / "shapes.txt").write_text("knobbly\n\nspiky\n")
    captions = [p.caption for p in Structured(count=30, words=tmp_path, leak_guard=False).plan(brief())]
    assert {c.adjectives[0] for c in captions} == {"knobbly", "spiky"}
    assert {c.adjectives[1] for c in captions} == set(WORDS["colors"])
    (tmp_path / "motions.txt").write_text("a $concept sitting in a temple\n")
    dogs = [p.caption for p in Structured(count=30, words=tmp_path).plan(brief("dog"))]
    assert {(c.details, c.background) for c in dogs if c.style} == {("sitting in a temple", "")}
    assert {c.details for c in dogs if not c.style} == {""}
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "skins.txt").write_text("freckled\n")
    assert pool("people/skins", REAL, tmp_path) == ("freckled",)
    assert pool("people/motions", REAL, tmp_path) == ("sitting in a temple",)


def test_a_folder_without_words_is_an_error(tmp_path) -> None:
    with pytest.raises(ConfigError, match="there is no word pool in it"):
        Structured(words=tmp_path).plan(brief())
