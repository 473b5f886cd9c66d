"""Direct consistency and output preservation: worked numbers and the gate."""

import math
from dataclasses import replace

import pytest
import torch

from staytrue.objectives import DirectConsistency, OutputPreservation, WeightAnchor
from tests.objectives.says import step_that_says
from tests.steps import make_step


def told(trained, frozen, **changes):
    """A step whose target is 0 everywhere."""
    step = step_that_says({"a olis dog": trained}, {"a dog": frozen}, **changes)
    return replace(step, noised=replace(step.noised, target=torch.zeros_like(step.noised.target)))


@pytest.mark.parametrize(
    ("trained", "frozen", "loss"),
    [
        (2.0, 2.0, math.log(2)),  # both err by 4
        (2.0, 1.0, math.log(1 + math.exp(2 * 3))),  # 4 against 1: beta times 3
        (1.0, 2.0, math.log(1 + math.exp(-2 * 3))),
    ],
)
def test_direct_consistency_by_hand(trained, frozen, loss):
    losses = DirectConsistency(beta=2.0)(told(trained, frozen, weights=(0.5,)))
    torch.testing.assert_close(losses, torch.tensor([0.5 * loss]))


def test_the_gate_closes_once_the_base_is_beaten():
    """The gradient is beta sigmoid(beta (L - L_ref)) times that of the squared error, 2 x: 1000 x 0.5 x 2 x, or next to nothing."""
    even, won = told(1.0, 1.0), told(1.0, 1.2)
    for step in (even, won):
        DirectConsistency()(step).sum().backward()
    assert even.predictor.numbers["a olis dog"].grad.item() == pytest.approx(1000 * 0.5 * 2, rel=1e-4)
    assert abs(won.predictor.numbers["a olis dog"].grad.item()) < 1e-6


def test_each_row_has_its_own_gate():
    one = told(1.0, 1.0, roles=("subject", "subject"))
    one = replace(
        one, noised=replace(one.noised, target=torch.tensor([0.0, 9.0])[:, None, None, None].expand(2, 2, 4, 4))
    )
    losses = DirectConsistency(beta=1.0)(one)
    torch.testing.assert_close(
        losses, torch.full((2,), math.log(2))
    )  # the second row errs by 64, and so does its reference


def test_output_preservation_by_hand():
    """(3 - 1)^2 on the class prompt; neither network is asked about the subject's phrase."""
    step = step_that_says({"a photo of a dog": 3.0}, {"a photo of a dog": 1.0}, roles=("subject", "class"))
    torch.testing.assert_close(OutputPreservation()(step), torch.tensor([4.0]))
    assert step.predictor.calls == [(False, ("a photo of a dog",)), (True, ("a photo of a dog",))]


def test_weight_anchor_pulls_back():
    """One weight of 3 away from where it began: 9, and the gradient 2 x 3 points away from there."""
    step = make_step()
    step.predictor.live.load_state_dict(step.predictor.base.state_dict())
    with torch.no_grad():
        step.predictor.live["conv"].bias[1] += 3
    loss = WeightAnchor()(step)
    torch.testing.assert_close(loss, torch.tensor([9.0]))
    loss.sum().backward()
    torch.testing.assert_close(step.predictor.live["conv"].bias.grad, torch.tensor([0.0, 6.0]))
