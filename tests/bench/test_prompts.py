"""The suite: as many prompts as it says, in words that the miniature knows, each judged by what it asks."""

import shutil
from collections import Counter

import pytest

from staytrue.backbones import SD
from staytrue.bench.prompts import Asked, class_prompts, other_prompts, suite_prompts, suite_words
from staytrue.bench.subjects import QUICK, chosen, members, rivals, with_photos
from staytrue.errors import ConfigError
from staytrue.images.load import load_folder

BY_NAME = {m.name: m.subject for m in members()}
LISTS = ("prompts", "rephrased", "two-conditions", "identifier-first")


@pytest.fixture(scope="module")
def vocabulary():
    return SD().facts().vocabulary


@pytest.mark.parametrize("name", ["dog6", "can", "pink_sunglasses", "bear_plushie"])
def test_every_prompt_is_in_the_miniatures_words_and_so_is_every_alternative(name, vocabulary):
    subject, words = BY_NAME[name], suite_words()
    for asked in suite_prompts(subject, LISTS):
        texts = [asked.prompt(subject).text, asked.prompt(subject).plain]
        texts += [
            asked.prompt(subject, **{slot: o}).plain
            for slot in asked.conditions
            for o in asked.alternatives(slot, words)
        ]
        assert not {w.strip(",") for text in texts for w in text.split()} - vocabulary, asked.id
        assert len(set(texts)) == len(texts), asked.id  # no alternative says the same
        assert subject.identifier in texts[0].split()
        assert subject.identifier not in texts[1].split()
        assert not any("{" in text for text in texts)


@pytest.mark.parametrize("name", ["dog6", "can"])
def test_lists_have_their_sizes_and_kinds(name):
    sizes = {which: suite_prompts(BY_NAME[name], (which,)) for which in LISTS}
    assert {k: len(v) for k, v in sizes.items()} == {
        "prompts": 25,
        "rephrased": 25,
        "two-conditions": 10,
        "identifier-first": 3,
    }
    kinds = Counter(a.kind for a in sizes["prompts"])
    assert {"place", "surface", "accessory", "color", "texture", "style", "two"} <= kinds.keys()
    assert [a.kind for a in sizes["rephrased"]] == [a.kind for a in sizes["prompts"]]
    assert all(len(a.conditions) == 2 for a in sizes["two-conditions"])
    assert all(a.conditions for some in sizes.values() for a in some)


@pytest.mark.parametrize("name", ["dog6", "can", "pink_sunglasses"])
def test_portraits_ask_for_the_subject_alone(name, vocabulary):
    found = suite_prompts(BY_NAME[name], ("portraits",))
    assert len(found) == 2
    assert not any(asked.conditions for asked in found)
    texts = [asked.prompt(BY_NAME[name]).text for asked in found]
    assert not {word for text in texts for word in text.split()} - vocabulary
    assert len(set(texts)) == 2


def test_rephrased_prompts_ask_the_same_in_other_words():
    subject, words = BY_NAME["dog6"], suite_words()
    for plain, rephrased in zip(
        suite_prompts(subject, ("prompts",)), suite_prompts(subject, ("rephrased",)), strict=True
    ):
        assert plain.prompt(subject).text != rephrased.prompt(subject).text
        assert {s: plain.word(s, words) for s in plain.conditions} == {
            s: rephrased.word(s, words) for s in rephrased.conditions
        }


def test_a_prompt_of_two_conditions_worked_by_hand():
    asked = Asked(
        "x",
        "two-conditions",
        "two",
        "a {} {second} {background}",
        {"second": "with an apple", "background": "on the beach"},
    )
    subject, words = BY_NAME["can"], suite_words()
    assert asked.prompt(subject).text == "a olis can with an apple on the beach"
    assert asked.prompt(subject, second="").plain == "a can on the beach"
    assert asked.word("second", words) == "apple"
    others = {f"with a {noun}" for noun in ("ball", "balloon", "cup", "flower", "gift")}
    assert set(asked.alternatives("second", words)) == others | {""}
    assert len(asked.alternatives("background", words)) == 33  # some background is always there, so "none" is no answer


def test_pairs_and_vowels_have_their_grammar():
    glasses = BY_NAME["pink_sunglasses"]
    texts = {a.prompt(glasses).plain for a in suite_prompts(glasses, LISTS)}
    assert {"red sunglasses", "sunglasses that are red", "a painting of sunglasses"} <= texts
    first = suite_prompts(BY_NAME["dog6"], ("identifier-first",))[0].prompt(BY_NAME["dog6"])
    assert (first.text, first.plain) == ("a olis red dog", "a red dog")


def test_fewer_prompts_still_cover_the_kinds():
    some = suite_prompts(BY_NAME["dog6"], ("prompts",), 8)
    assert len(some) == 8
    assert len({a.kind for a in some}) >= 5


def test_class_and_other_prompts_never_name_the_subject():
    dog = BY_NAME["dog6"]
    assert class_prompts(dog)[0] == "a dog"
    assert all("dog" not in text and "olis" not in text for text in other_prompts(dog))
    assert len(other_prompts(dog)) == 8


def test_splits_and_names():
    assert len(chosen("tuning")) == 10
    assert len(chosen("reporting")) == 20
    assert len(chosen("all")) == 30
    assert [m.name for m in chosen("dog6, can")] == ["dog6", "can"]
    assert all(m.split == "tuning" for m in chosen(",".join(QUICK)))
    with pytest.raises(ConfigError, match="no subject named dog9"):
        chosen("dog9")


def test_rivals_are_of_the_class_then_of_the_broad_class_then_nobody():
    assert {r.name for r in rivals(BY_NAME["cat"])} == {"cat2"}
    assert len(rivals(BY_NAME["dog"])) == 6
    assert {r.name for r in rivals(BY_NAME["fancy_boot"])} == {"colorful_sneaker", "shiny_sneaker"}
    assert rivals(BY_NAME["candle"]) == ()


def test_fewer_photos_keep_their_captions(tmp_path):
    dog = BY_NAME["dog6"]
    assert with_photos(dog, None, tmp_path) is dog
    few = load_folder(with_photos(dog, 2, tmp_path).photos)
    assert [p.text for p in few] == [p.text for p in load_folder(dog.photos)[:2]]
    with pytest.raises(ConfigError, match="dog6 has 5"):
        with_photos(dog, 9, tmp_path)


def test_of_two_processes_that_copy_the_same_photos_neither_takes_the_other_s_away(tmp_path, monkeypatch):
    """The second begins before the first has copied anything, and is done before the first goes on."""
    dog, real, kept = BY_NAME["dog6"], shutil.rmtree, {}

    def beside(folder, **how):
        monkeypatch.setattr("shutil.rmtree", real)
        with monkeypatch.context() as other:
            other.setattr("os.getpid", lambda: 1)
            photos = with_photos(dog, 2, tmp_path).photos
        kept.update({file.name: file.stat().st_mtime_ns for file in photos.iterdir()})
        real(folder, **how)

    monkeypatch.setattr("shutil.rmtree", beside)
    photos = with_photos(dog, 2, tmp_path).photos
    assert {file.name: file.stat().st_mtime_ns for file in photos.iterdir()} == kept
    assert len(kept) == 3
    assert list(tmp_path.iterdir()) == [photos]


def test_half_a_set_of_photos_is_not_taken_for_one(tmp_path):
    (tmp_path / "dog6-2").mkdir()
    (tmp_path / "dog6-2" / "01.png").write_bytes(b"")
    with pytest.raises(ConfigError, match="dog6-2 is no whole set of photos, and is in the way of one; delete it"):
        with_photos(BY_NAME["dog6"], 2, tmp_path)


def test_two_drawings_of_one_emoji_are_one_design():
    """So that intervals do not count them as independent."""
    designs = {m.name: m.design for m in members()}
    assert designs["dog"] == designs["dog2"] == designs["dog8"]
    assert designs["backpack"] == designs["backpack_dog"]
    assert designs["dog5"] not in (designs["dog"], designs["dog7"])
    assert len(set(designs.values())) == 25
