"""The leak guard: half of the conditions, whatever the sentence, are in no set."""

import re

import pytest

from staytrue.backbones import SD
from staytrue.regularize.base import Brief
from staytrue.regularize.conditions import EMPTY, KINDS, content, guard, unseen
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
        ("with a city in the background", "in the city"), ("berries", "a berry"), ("silver", "silvery"), ("tan", "tanned"),
        ("in a crowd", "crowded"), ("red", "reddish"), ("gray", "grey"), ("gray", "greyish"), ("a scarf", "scarves"),
        ("autumn leaves", "an autumn leaf"), ("knives", "a knife"), ("rose", "rosy"), ("blue", "bluish"), ("in fog", "foggy"),
        ("a stripe", "striped"), ("on grass", "grassy"),
    ],
)  # fmt: skip
def test_one_condition_in_other_words(one: str, other: str) -> None:
    assert content(one) == content(other)


def test_different_conditions() -> None:
    assert content("a top hat") != content("a hat")
    assert content("in the rain") & content("a rainbow") == set()
    assert content("underwater") == {"underwater"}
    different = (
        "rain",
        "rainbow",
        "gold",
        "golden",
        "bed",
        "speed",
        "bus",
        "gray",
        "red",
        "redder",
        "wood",
        "ice",
        "wave",
        "tie",
    )
    assert len({content(word) for word in different}) == len(different)


@pytest.mark.parametrize("facts", [REAL, TOY], ids=["real", "toy"])
def test_ones_own_pools_are_split_too(facts: Facts, tmp_path) -> None:
    """What the manifest says is kept out is the user's own, and is in no caption; a list that is not there is the backbone's."""
    own = {"colors": "red blue teal plum", "backgrounds": "on a roof;in a lab;at a gate;near a dam"}
    (tmp_path / "colors.txt").write_text(own["colors"].replace(" ", "\n"))
    (tmp_path / "backgrounds.txt").write_text(own["backgrounds"].replace(";", "\n"))
    made = Structured(count=200, words=tmp_path)
    out = made.conditions(facts)["unseen"]
    assert len(out["colors"]) == len(out["backgrounds"]) == 2
    assert set(out["colors"]) < set(own["colors"].split())
    assert set(out["accessories"]) < set(pool("accessories", facts))
    captions = [p.caption for p in made.plan(Brief(subject("backpack"), (), facts, seed=0))]
    assert {c.adjectives[1] for c in captions} == set(own["colors"].split()) - set(out["colors"])
    assert {c.background for c in captions} == {"", *own["backgrounds"].split(";")} - set(out["backgrounds"])
    assert all(unseen(color, facts, tmp_path) for color in out["colors"])


@pytest.mark.parametrize("noun", ["backpack", "dog", "woman"])
@pytest.mark.parametrize("facts", [REAL, TOY], ids=["real", "toy"])
def test_no_caption_of_a_set_speaks_of_what_is_kept_out(noun: str, facts: Facts) -> None:
    """Independent of the guard's endings: no kept-out word group inside any slot, except the photos' own backgrounds."""

    def plain(text: str) -> set[str]:
        return {
            re.sub(r"(?<=\w{3})(?:s|y|ed|ish)$", "", w) for w in re.findall(r"[a-z]+", text.lower()) if w not in EMPTY
        }

    own = "on a red carpet"
    brief = Brief(subject(noun), (Caption(noun, background=own),), facts, seed=0)
    held = [plain(condition) for out in guard(facts).unseen_by_kind().values() for condition in out]
    captions = [p.caption for p in Structured(count=150, accessories=0.3).plan(brief)]
    for caption in captions:
        for slot in (*caption.adjectives, caption.details, caption.style, caption.background):
            assert slot == own or not any(group <= plain(slot) for group in held), slot
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
