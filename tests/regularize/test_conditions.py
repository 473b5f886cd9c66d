"""The leak guard: half of the conditions, whatever the sentence, are in no set."""

import re

import pytest

from staytrue.backbones import SD
from staytrue.regularize.base import Brief
from staytrue.regularize.conditions import KINDS, content, guard, unseen
from staytrue.regularize.structured import Structured
from staytrue.regularize.words import POOLS, pool
from staytrue.types import Caption, Facts
from tests.regularize.stand_in import subject

REAL = Facts("sd", "SD 1.5", 512, (4, 64, 64), "epsilon")
TOY = Facts(
    "sd", "toy", 64, (8, 16, 16), "epsilon", is_miniature=True,
    words={
        "colors": ["red", "blue", "green", "pink"],
        "backgrounds": ["on a red carpet", "on a blue carpet", "on a green lawn", "on pink fabric", "at sea", "in a city"],
        "accessories": ["a red scarf", "a crown", "a blue hat", "a tie"],
        "shapes": ["tall"], "textures": ["furry"], "styles": ["painting"], "moods": ["sad"], "motions": ["running"],
    },
)  # fmt: skip


@pytest.mark.parametrize(
    "facts", [REAL, TOY, pytest.param(SD().facts(), marks=pytest.mark.miniature)], ids=["real", "toy", "sd"]
)
def test_half_of_each_kind_is_kept_out(facts: Facts) -> None:
    out = guard(facts).unseen_by_kind()
    for kind in KINDS:
        half = len(pool(kind, facts)) // 2
        assert half <= len(out[kind]) <= half + max(2, 0.02 * half)


def test_the_split_is_fixed_for_good() -> None:
    """A change would make every published seen/unseen table mean something else. By hash, not by place in the list."""
    assert guard(TOY).unseen_by_kind()["colors"] == SPLIT
    turned = Facts("sd", "toy", 64, (8, 16, 16), "epsilon", words={"colors": TOY.words["colors"][::-1]})
    assert set(guard(turned).unseen_by_kind()["colors"]) == set(SPLIT)


SPLIT = ["red", "blue"]


def test_what_contains_a_condition_goes_with_it() -> None:
    """With red and blue go the red carpet, the red scarf, the blue hat; in other sentences too."""
    for condition in ("on a red carpet", "a red scarf", "wearing red scarves", "on a blue carpet", "brick red", "RED"):
        assert unseen(condition, TOY)
    assert not unseen("green", TOY)
    assert not unseen("redder", TOY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("on the beach", "near a beach"), ("in front of brick walls", "by the brick wall"), ("a top hat", "wearing a top hat"),
        ("with a city in the background", "in the city"), ("berries", "a berry"),
    ],
)  # fmt: skip
def test_one_condition_in_other_words(one: str, other: str) -> None:
    assert content(one) == content(other)


def test_different_conditions() -> None:
    assert content("a top hat") != content("a hat")
    assert content("in the rain") & content("a rainbow") == set()
    assert content("underwater") == {"underwater"}


@pytest.mark.parametrize("noun", ["backpack", "dog", "woman"])
@pytest.mark.parametrize("facts", [REAL, TOY], ids=["real", "toy"])
def test_no_caption_of_a_set_speaks_of_what_is_kept_out(noun: str, facts: Facts) -> None:
    """Independent of the guard's code: no held word group inside any slot, except the photos' own backgrounds."""
    own = "on a red carpet"
    brief = Brief(subject(noun), (Caption(noun, background=own),), facts, seed=0)
    held = [set(words) for words in guard(facts).held]
    captions = [p.caption for p in Structured(count=150, accessories=0.3).plan(brief)]
    for caption in captions:
        for slot in (*caption.adjectives, caption.details, caption.style, caption.background):
            plain = {re.sub(r"(?<=\w{3})s$", "", w) for w in re.findall(r"[a-z]+", slot.lower())}
            assert slot == own or not any(group <= plain for group in held), slot
    assert any(c.background == own for c in captions)
    free = [p.caption for p in Structured(count=150, accessories=0.3, leak_guard=False).plan(brief)]
    assert any(guard(facts).unseen(word) for caption in free for word in caption.adjectives)


def test_what_the_manifest_says() -> None:
    said = Structured().conditions(TOY)
    assert said["leak_guard"] is True
    assert said["evaluation_prompts"] is False
    assert said["unseen"]["colors"] == SPLIT
    assert Structured(leak_guard=False, evaluation_prompts=True).conditions(TOY) == {
        "leak_guard": False, "evaluation_prompts": True, "unseen": {},
    }  # fmt: skip
    assert Structured(evaluation_prompts=("a red {}",)).conditions(TOY)["evaluation_prompts"] == "listed"


@pytest.mark.parametrize("name", POOLS)
def test_every_pool_keeps_enough(name: str) -> None:
    assert len(guard(REAL).seen(pool(name, REAL))) >= 0.45 * len(pool(name, REAL))
