"""Semantic delta: a worked number, which words it takes from whom, and what it leaves alone."""

from dataclasses import replace

import pytest
import torch

from staytrue.diffusion.randomness import generator_for
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


def test_styles_come_from_any_class_image_where_its_own_are_not_in_the_batch():
    """A painting of a cup is a painting; a sleeping dog says nothing of cups."""
    cup = Caption(noun="cup", style="a painting of", details="wearing a hat")
    step = step_with(TRAINED, FROZEN, cup, PLAIN, subjects=(SUBJECT, CUP, SUBJECT))
    torch.testing.assert_close(SemanticDelta()(step), torch.tensor([9.0]))
    assert SemanticDelta(carried="details")(step).tolist() == [0.0]
    own = step_with({"a sketch of a olis dog": 7.0} | TRAINED, {"a sketch of a dog": 2.0} | FROZEN,
                    cup, styled("a sketch of"), subjects=(SUBJECT, CUP, SUBJECT))  # fmt: skip
    SemanticDelta()(own).sum().backward()
    assert own.predictor.numbers["a sketch of a olis dog"].grad is not None
    assert own.predictor.numbers["a painting of a olis dog"].grad is None


def test_each_photo_of_a_subject_takes_the_next_style_of_the_batch():
    roles = ("subject",) * 4 + ("class",) * 4
    step = make_step(roles=roles, subjects=(SUBJECT, CUP), background="on the beach")
    styles = {4: "a photo of", 5: "a mosaic of", 6: "a painting of", 7: "a sketch of"}
    captions = tuple(replace(c, style=styles.get(row, "")) for row, c in enumerate(step.captions))
    step = replace(step, captions=captions, texts=tuple(c.render() for c in captions))
    SemanticDelta()(step)
    asked = [text for text in step.predictor.asked if ("olis" in text or "sks" in text) and " of " in text]
    said = ("a photo of a olis dog", "a mosaic of a sks cup", "a painting of a olis dog", "a sketch of a sks cup")
    assert asked == [f"{text} on the beach" for text in said]


@pytest.mark.parametrize("photos", [1, 3, 4])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_a_share_of_the_photos_is_asked_and_counts_for_all(photos, share):
    """Over many batches each photo's mean is what it would be alone, and no pass is of a photo that is not asked."""
    step = make_step(roles=("subject",) * photos + ("class",), background="on the beach")
    captions = (*step.captions[:-1], replace(step.captions[-1], style="a painting of"))
    step = replace(step, captions=captions, texts=tuple(c.render() for c in captions))
    whole, drawn = SemanticDelta()(step), []
    for batch in range(400):
        again = replace(
            step, generator=lambda purpose, batch=batch: generator_for(batch, purpose), references={}, _under={}
        )
        step.predictor.asked.clear()
        losses = SemanticDelta(share=share)(again)
        asked = int((losses != 0).sum())
        assert int(share * photos) <= asked <= -int(-share * photos // 1)
        assert len([text for text in step.predictor.asked if text.startswith("a painting of a olis")]) == asked
        drawn.append(losses.detach())
    torch.testing.assert_close(torch.stack(drawn).mean(dim=0), whole.detach(), rtol=0.25, atol=0)


def test_adjectives_and_details_are_carried_by_terms_of_their_own():
    red = Caption(noun="dog", style="a painting of", adjectives=("red",), details="wearing a hat")
    for carried, text in {"adjectives": "a red olis dog", "details": "a olis dog wearing a hat"}.items():
        frozen = {"a dog": 1.0, text.replace("olis ", ""): 2.0}
        step = step_with({"a olis dog": 3.0, text: 7.0}, frozen, red, PLAIN)
        objective = SemanticDelta(carried=carried)
        torch.testing.assert_close(objective(step), torch.tensor([9.0]))
        assert objective.needs == {"class_rows", f"class_{carried}", "frozen_base"}


def test_a_caption_written_by_hand_is_asked_in_slots_and_answered_for_in_its_own_words():
    """Its sentence has no place for a style: "a painting of a olis dog" is held to what is said under the sentence."""
    own = Caption(noun="dog", text="my olis dog, asleep")
    step = step_with({own.text: 3.0, "a painting of a olis dog": 7.0}, FROZEN, styled("a painting of"), PLAIN, own=own)
    torch.testing.assert_close(SemanticDelta()(step), torch.tensor([9.0]))


def test_another_subject_in_the_photo_keeps_its_word_where_the_trained_network_is_asked_and_only_there():
    own = Caption(noun="dog", identifier="olis", background="with a sks cup")
    trained, frozen = (
        {f"{text} with a {cup}": said for text, said in numbers.items()}
        for numbers, cup in ((TRAINED, "sks cup"), (FROZEN, "cup"))
    )
    step = step_with(trained, frozen, styled("a painting of"), PLAIN, own=own)
    torch.testing.assert_close(SemanticDelta()(replace(step, everyone=(SUBJECT, CUP))), torch.tensor([9.0]))
