"""Denoising: shapes, worked numbers, and where its gradient goes."""

import pytest
import torch
from pydantic import ValidationError

from staytrue.objectives import OBJECTIVES, Denoising
from tests.steps import make_step

ROLES = ("subject", "class", "subject")


@pytest.mark.parametrize(("rows", "count"), [("subject", 2), ("class", 1), ("all", 3)])
def test_one_loss_per_selected_row(rows, count):
    assert Denoising(rows=rows)(make_step(roles=ROLES)).shape == (count,)


def test_without_rows_there_are_no_losses():
    assert Denoising(rows="class")(make_step(roles=("subject",))).shape == (0,)


def test_by_hand():
    """Prediction off by 2 everywhere: mean square 4; the row's own weight 0.5 makes 2."""
    step = make_step(roles=("subject",), weights=(0.5,))
    step.__dict__["prediction"] = step.noised.target + 2
    torch.testing.assert_close(Denoising()(step), torch.tensor([2.0]))


def test_objectives_share_one_forward_pass():
    step = make_step(roles=ROLES)
    Denoising()(step), Denoising(rows="class")(step), Denoising(rows="all", weighting="min_snr")(step)
    assert step.predictor.calls == 1


def test_gradient_reaches_the_prediction_of_its_own_rows_only():
    step = make_step(roles=ROLES)
    step.prediction.retain_grad()
    Denoising(rows="class")(step).sum().backward()
    reached = step.prediction.grad.abs().sum((1, 2, 3)) > 0
    assert reached.tolist() == [False, True, False]
    assert all(p.grad is None for p in step.predictor.base.parameters())
    assert step.predictor.live["text"].weight.grad.any()


def test_frozen_is_without_gradient_and_ends():
    step = make_step(roles=ROLES)
    with step.frozen():
        base = step.predict(step.noised, step.condition)
    assert not base.requires_grad
    assert step.predict(step.noised, step.condition).requires_grad
    assert not torch.allclose(base, step.prediction)


def test_every_field_has_an_effect():
    step = make_step(roles=ROLES)
    plain = Denoising()(step)
    weighted = Denoising(weighting="min_snr", gamma=0.01)(step)
    assert not torch.allclose(plain, weighted)
    assert not torch.allclose(weighted, Denoising(weighting="min_snr", gamma=0.02)(step))
    assert Denoising(rows="class").needs == {"class_rows"}
    assert not Denoising().needs


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError):
        OBJECTIVES.get("denoising")(row="subject")
