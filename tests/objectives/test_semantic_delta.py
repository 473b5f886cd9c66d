"""Semantic delta: a worked number, which words it takes from whom, and what it leaves alone."""

from dataclasses import replace

import pytest
import torch

from staytrue.objectives import SemanticDelta
from staytrue.types import Caption
from tests.objectives.says import Says
from tests.steps import CUP, SUBJECT, make_step

ROLES = ("subject", "class", "class")


def step_with(trained, frozen, *class_captions, own=None, weights=(1.0, 1.0, 1.0), subjects=(SUBJECT,)):
    """One photo, two class rows with the given captions, and a predictor that says what it is told."""
    step = make_step(roles=ROLES, weights=weights, subjects=subjects)
    captions = (own or step.captions[0], *class_captions)
    texts = tuple(caption.render() for caption in captions)
    trained = trained | {text: trained.get(text, 0.0) for text in texts}
    return replace(step, captions=captions, texts=texts, predictor=Says(trained, frozen), condition=list(texts))


def styled(style, noun="dog"):
    return Caption(noun=noun, style=style)


PLAIN = styled("")
TRAINED = {"a olis dog": 3.0, "a painting of a olis dog": 7.0}
FROZEN = {"a dog": 1.0, "a painting of a dog": 2.0}


def test_by_hand():
    """(7 - [3 + 2 - 1])^2 = 9, times the photo's weight; the gradient reaches the styled phrase and not the plain one."""
    step = step_with(TRAINED, FROZEN, PLAIN, styled("a painting of"), weights=(0.5, 1.0, 1.0))
    losses = SemanticDelta()(step)
    torch.testing.assert_close(losses, torch.tensor([4.5]))
    losses.sum().backward()
    assert step.predictor.numbers["a painting of a olis dog"].grad.item() == pytest.approx(0.5 * 2 * 3)
    assert step.predictor.numbers["a olis dog"].grad.item() == 0


def test_twice_as_strong():
    """(7 - [3 + 2 (2 - 1)])^2 = 4."""
    step = step_with(TRAINED, FROZEN, PLAIN, styled("a painting of"))
    torch.testing.assert_close(SemanticDelta(strength=2)(step), torch.tensor([4.0]))


def test_before_training_it_asks_for_the_difference_between_the_subjects_phrase_and_the_class_to_stay():
    same = {"a olis dog": 1.5, "a painting of a olis dog": 2.5}
    step = step_with(same, FROZEN, PLAIN, styled("a painting of"))
    assert SemanticDelta()(step).item() == 0


@pytest.mark.parametrize(
    "class_captions",
    [
        (PLAIN, PLAIN),
        (Caption(noun="dog", adjectives=("red",)), PLAIN),
        (Caption(noun="dog", text="a painting of a dog"), PLAIN),
    ],
)
def test_no_style_no_loss_and_no_pass_of_its_own(class_captions):
    step = step_with({"a olis dog": 3.0}, {}, *class_captions)
    losses = SemanticDelta()(step)
    assert losses.tolist() == [0.0]
    losses.sum().backward()  # the only term of a run must not fail in such a step
    assert step.predictor.calls == [(False, step.texts)]


def test_a_style_that_the_photo_has_already_is_nothing_new():
    own = Caption(noun="dog", identifier="olis", style="a painting of")
    step = step_with({own.render(): 3.0}, {}, styled("a painting of"), PLAIN, own=own)
    assert SemanticDelta()(step).tolist() == [0.0]


def test_words_come_from_class_images_of_the_same_subject():
    step = step_with(TRAINED, FROZEN, styled("a painting of", "cup"), PLAIN, subjects=(SUBJECT, CUP, SUBJECT))
    assert SemanticDelta()(step).tolist() == [0.0]


def test_photos_take_the_styles_of_their_batch_in_turn():
    step = make_step(roles=("subject", "subject", "class", "class"), background="on the beach")
    plain, sketch, painting = step.captions[2], "a photo of", "a painting of"
    captions = (*step.captions[:2], replace(plain, style=sketch), replace(plain, style=painting))
    step = replace(step, captions=captions, texts=tuple(c.render() for c in captions))
    SemanticDelta()(step)
    asked = [text for text in step.predictor.asked if "olis" in text and " of " in text]
    assert asked == [f"{sketch} a olis dog on the beach", f"{painting} a olis dog on the beach"]


def test_adjectives_and_details_are_carried_by_terms_of_their_own():
    red = Caption(noun="dog", style="a painting of", adjectives=("red",), details="wearing a hat")
    for carried, text in {"adjectives": "a red olis dog", "details": "a olis dog wearing a hat"}.items():
        frozen = {"a dog": 1.0, text.replace("olis ", ""): 2.0}
        step = step_with({"a olis dog": 3.0, text: 7.0}, frozen, red, PLAIN)
        objective = SemanticDelta(carried=carried)
        torch.testing.assert_close(objective(step), torch.tensor([9.0]))
        assert objective.needs == {"frozen_base", f"class_{carried}"}


def test_a_caption_written_by_hand_is_asked_in_slots_and_answered_for_in_its_own_words():
    """Its sentence has no place for a style: "a painting of a olis dog" is held to what is said under the sentence."""
    own = Caption(noun="dog", text="my olis dog, asleep")
    step = step_with({own.text: 3.0, "a painting of a olis dog": 7.0}, FROZEN, styled("a painting of"), PLAIN, own=own)
    torch.testing.assert_close(SemanticDelta()(step), torch.tensor([9.0]))
