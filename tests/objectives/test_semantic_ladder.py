"""Semantic ladder: worked numbers, the nouns it derives, and that it draws toward P and away from N."""

import math
from dataclasses import replace

import pytest
import torch

from staytrue.backbones import SD
from staytrue.errors import ConfigError
from staytrue.objectives import SemanticLadder
from staytrue.recipes.demo import bundled_subject
from staytrue.types import Caption, Subject
from tests.objectives.says import step_that_says
from tests.steps import CUP, SUBJECT

SMALL = SemanticLadder(neighbors=("dog",), others=("car",), temperature=1.0)


def test_by_hand():
    """d = (1, 0), as the dog's; the car's is (0, 1): cosines 1 and 0, loss log(1 + e^-1) = 0.3133. Lengths do not matter."""
    trained = {"a olis dog": [3.0, 1.0], "": [2.0, 1.0]}
    step = step_that_says(trained, {"a dog": [5.0, 0.0], "a car": [0.0, 9.0], "": [0.0, 0.0]}, weights=(2.0,))
    torch.testing.assert_close(SMALL(step), torch.tensor([2 * math.log(1 + math.exp(-1))]))
    torch.testing.assert_close(SMALL(step) / 2, torch.tensor([0.3133]), atol=1e-4, rtol=0)


def test_another_subject_in_the_photo_keeps_its_word_where_the_trained_network_is_asked_and_only_there():
    """By hand as above, in a scene with the cup: the base, which does not know it, is asked with "a cup"."""
    trained = {"a olis dog with a sks cup": [3.0, 1.0], "": [2.0, 1.0]}
    frozen = {"a dog with a cup": [5.0, 0.0], "a car with a cup": [0.0, 9.0], "": [0.0, 0.0]}
    step = step_that_says(trained, frozen)
    both = Caption(noun="dog", identifier="olis", background="with a sks cup")
    words = {"captions": (both,), "texts": (both.render(),), "condition": [both.render()]}
    losses = replace(SMALL, frequent="caption")(replace(step, everyone=(SUBJECT, CUP), **words))
    torch.testing.assert_close(losses, torch.tensor([math.log(1 + math.exp(-1))]))


def test_all_equally_near_is_the_logarithm_of_the_counts():
    """One neighbor, three others, all in one direction: log(4)."""
    frozen = {key: [1.0, 0.0] for key in ["a dog", "a car", "a boat", "a cup"]} | {"": [0.0, 0.0]}
    step = step_that_says({"a olis dog": [1.0, 1.0], "": [0.0, 0.0]}, frozen)
    ladder = SemanticLadder(neighbors=("dog",), others=("car", "boat", "cup"))
    torch.testing.assert_close(ladder(step), torch.tensor([math.log(4)]))


def test_a_step_down_the_gradient_turns_toward_the_neighbor():
    step = step_that_says(
        {"a olis dog": [1.0, 1.0], "": [0.0, 0.0]}, {"a dog": [1.0, 0.0], "a car": [0.0, 1.0], "": [0.0, 0.0]}
    )
    SMALL(step).sum().backward()
    toward_dog, toward_car = (-step.predictor.numbers["a olis dog"].grad).tolist()
    assert toward_dog > 0 > toward_car


def test_two_subjects_have_ladders_of_their_own():
    """The dog has three rungs, the cup only itself; each row is one loss, computed with its own nouns."""
    texts = ["a dog", "a pet", "a animal", "an animal", "a cup", "a car", "a boat", ""]
    frozen = {text: [float(len(text)), 1.0] for text in texts} | {"": [0.0, 0.0]}
    trained = {"a olis dog": [1.0, 2.0], "a sks cup": [2.0, 1.0], "": [0.0, 0.0]}
    step = step_that_says(trained, frozen, roles=("subject", "subject"), subjects=(SUBJECT, CUP))
    losses = SemanticLadder(others=("car", "boat"))(step)
    assert losses.shape == (2,)
    alone = step_that_says(trained, frozen, roles=("subject",), subjects=(CUP,))
    torch.testing.assert_close(SemanticLadder(others=("car", "boat"))(alone)[0], losses[1])
    frozen_calls = [texts for inside, texts in step.predictor.calls if inside]
    # (3 + 2) and (1 + 2) nouns in one pass, then "" for each row
    assert [len(texts) for texts in frozen_calls] == [8, 2]


def test_nouns_are_derived_and_kept_apart():
    bear = Subject(name="b", photos="p", class_noun="teddy bear", class_noun_vague="toy")
    ladder = SemanticLadder(others=("car", "toy"))
    assert ladder.nouns(bear) == (["teddy bear", "toy"], ["car"])
    assert ladder.nouns(Subject(name="d", photos="p", class_noun="dog")) == (["dog", "animal"], ["car", "toy"])
    assert ladder.nouns(Subject(name="a", photos="p", class_noun="actor"))[0] == ["actor", "person"]
    with pytest.raises(ConfigError, match="neighbors of 'teddy bear' too"):
        SemanticLadder(others=("toy",)).nouns(bear)


@pytest.mark.miniature
@pytest.mark.parametrize("name", ["can", "dog6"])
def test_the_miniature_knows_the_words_that_are_derived(name):
    near, far = SemanticLadder().nouns(bundled_subject(name))
    assert SD().facts().unknown([*near, *far]) == []
