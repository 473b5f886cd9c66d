"""Semantic anchor: worked numbers of each reading, the identity behind A, what is computed and how often."""

from dataclasses import replace

import pytest
import torch

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.objectives import Denoising, DirectConsistency, OutputPreservation, SemanticAnchor
from staytrue.objectives.squares import frequent_texts
from staytrue.types import Caption
from tests.objectives.says import step_that_says
from tests.steps import CUP, SUBJECT, make_step

ALPHAS = torch.linspace(0.999, 0.01, 1000)
PROCESSES = {"epsilon": DDPM(ALPHAS), "v": DDPM(ALPHAS, "v_prediction"), "flow": Flow()}


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("weighting", ["uniform", "min_snr", "noise"])
@pytest.mark.parametrize("strength", [0.25, 2.0])
def test_reading_a_is_denoising_toward_the_mixed_target(process, weighting, strength):
    """|p - a|^2 + L |p - b|^2 = (1 + L) |p - m|^2 + L / (1 + L) |a - b|^2, with m = (a + L b) / (1 + L)."""

    def terms():
        step = make_step(PROCESSES[process], ("subject", "class", "subject"), (1.0, 1.0, 0.5))
        parameters = list(step.predictor.live.parameters())
        return step, parameters

    step, parameters = terms()
    two = Denoising(weighting=weighting)(step) + strength * SemanticAnchor(weighting=weighting)(step)
    gradients = torch.autograd.grad(two.sum(), parameters)

    step, parameters = terms()
    reference = step.reference([0, 2], ["a dog", "a dog"])
    target = step.noised.target[[0, 2]]
    mixed = step.noised.target.clone()
    mixed[[0, 2]] = (target + strength * reference) / (1 + strength)
    plain = Denoising(weighting=weighting)(replace(step, noised=replace(step.noised, target=mixed)))
    # what does not depend on the prediction: the same error between the two targets
    between = replace(step, noised=replace(step.noised, target=mixed * 0))
    between.__dict__["prediction"] = torch.zeros_like(mixed).index_copy(0, torch.tensor([0, 2]), target - reference)
    constant = Denoising(weighting=weighting)(between) * strength / (1 + strength)
    torch.testing.assert_close(two, (1 + strength) * plain + constant, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(gradients, torch.autograd.grad(plain.sum(), parameters), strict=True):
        torch.testing.assert_close(ours, (1 + strength) * theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("reading", "trained", "frozen", "loss"),
    [
        ("A", {"a olis dog": 3.0}, {"a dog": 1.0}, 4.0),  # (3 - 1)^2
        ("B", {"a olis dog": 3.0, "": 1.0}, {"a dog": 1.5, "": 1.0}, 2.25),  # ((3 - 1) - (1.5 - 1))^2
        ("D", {"a dog": 1.5}, {"a dog": 1.0}, 0.25),  # the subject's own phrase is never asked
    ],
)
def test_by_hand(reading, trained, frozen, loss):
    step = step_that_says(trained, frozen, weights=(0.5,))
    losses = SemanticAnchor(reading=reading)(step)
    torch.testing.assert_close(losses, torch.tensor([0.5 * loss]))
    losses.sum().backward()
    assert all(number.grad is not None for number in step.predictor.numbers.values())


def test_reading_c_by_hand():
    """On the class row alone: asked with the identifier put in, held to what the base says without it: (5 - 2)^2."""
    step = step_that_says({"a olis dog": 5.0, "a dog": 7.0}, {"a dog": 2.0}, roles=("subject", "class"))
    torch.testing.assert_close(SemanticAnchor(reading="C")(step), torch.tensor([9.0]))
    assert SemanticAnchor(reading="C").needs == {"frozen_base", "class_rows"}
    assert SemanticAnchor().needs == {"frozen_base"}


def test_the_frequent_caption_keeps_the_scene_and_the_suffix():
    words = {"background": "on the beach", "suffix": "with noisy pattern"}
    rare, frequent = ("a olis dog on the beach with noisy pattern", "a dog on the beach with noisy pattern")
    step = step_that_says({rare: 3.0}, {frequent: 1.0, "a photo of a dog with noisy pattern": 2.0}, **words)
    torch.testing.assert_close(SemanticAnchor()(step), torch.tensor([4.0]))
    torch.testing.assert_close(SemanticAnchor(frequent="class")(step), torch.tensor([1.0]))


def test_the_frequent_caption_names_no_subject_of_the_run():
    """Two may be in one photo: the base knows neither word, and the cup is no dog."""
    two = Caption(noun="dog", text="{phrase} with a Sks cup", background="with a Sks cup", identifier="olis")
    step = replace(step_that_says({}, {}), captions=(two,), everyone=(SUBJECT, CUP))
    assert frequent_texts(step, [0], "caption") == ["dog with a cup"]
    assert step.frequent(0).background == "with a cup"
    assert replace(step, everyone=(SUBJECT,)).frequent(0).render() == "dog with a Sks cup"


def test_captions_written_by_hand_lose_and_gain_the_identifier():
    text = Caption(noun="dog", text="my olis dog beside olis, not soliso")
    assert text.without_identifier("olis").render() == "my dog beside dog, not soliso"
    assert (
        Caption(noun="dog", text="{phrase} asleep", identifier="sks").without_identifier("sks").render() == "dog asleep"
    )
    assert Caption(noun="dog", text="Sks, my dog").without_identifier("sks").render() == "dog, my dog"
    assert Caption(noun="cup", text="a <new1> cup").without_identifier("<new1>").render() == "a cup"
    assert Caption(noun="dog", text="a dog and a dog").with_identifier("sks").render() == "a sks dog and a dog"
    assert Caption(noun="dog", text="a hotdog").with_identifier("sks").render() == "a hotdog"
    assert Caption(noun="dog", background="in snow").with_identifier("sks").render() == "a sks dog in snow"
    assert Caption(noun="dog", text="a dog in snow").with_noun("animal").render() == "a animal in snow"
    assert Caption(noun="dog", suffix=", noisy").render() == "a dog, noisy"


def test_one_frozen_pass_for_all_who_ask():
    """Anchor, direct consistency and preservation ask for the same reference; the base answers once, the shared pass is one."""
    step = make_step(roles=("subject", "class", "subject"))
    objectives = [
        SemanticAnchor(),
        DirectConsistency(),
        OutputPreservation(frequent="caption"),
        SemanticAnchor(reading="D"),
        Denoising(),
    ]
    for objective in objectives:
        objective(step)
    assert (
        step.predictor.calls == 3
    )  # the shared prediction, the reference, the trained network under the class caption


def test_before_training_preservation_is_zero_and_the_anchor_is_not():
    step = make_step()
    step.predictor.live.load_state_dict(step.predictor.base.state_dict())
    step = replace(step, condition=step.predictor.encode_text(list(step.texts)))
    assert SemanticAnchor(reading="D")(step).item() == 0
    assert OutputPreservation(frequent="caption")(step).item() == 0
    assert SemanticAnchor()(step).item() > 0
