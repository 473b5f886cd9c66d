"""The loop's own arithmetic, with a loss whose gradient is known: 3 a + 4 b."""

from types import SimpleNamespace

import pytest
import torch

from staytrue.train import loop
from staytrue.train.config import Train


class Slope:
    """Stands in for ``Composed``: every micro-batch has the gradient (3, 4)."""

    def __init__(self, terms):
        self.terms = terms

    def counts(self, roles):
        return {"subject": 1}

    def __call__(self, step, counts):
        a, b = step
        return 3 * a.sum() + 4 * b.sum(), {"subject": torch.tensor(0.0)}


def moved(monkeypatch, **settings):
    """Where (a, b) is after one step of plain descent at rate 1, from 0, each in a group of its own."""
    monkeypatch.setattr(loop, "Composed", Slope)
    a, b = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    groups = [{"params": [p], "peak": 1.0} for p in (a, b)]
    state = SimpleNamespace(
        step=0,
        optimizer=torch.optim.SGD(groups, lr=1.0),
        parameters=lambda: [a, b],
        backbone=SimpleNamespace(device=torch.device("cpu")),
    )
    batches = SimpleNamespace(seed=0, roles=lambda micro: ["subject"], per_epoch=lambda: 1)

    def make_step(micro):
        return a, b

    make_step.batches = batches
    loop.train_loop(Train(steps=1, dtype="float32", **settings), state, make_step, [])
    return [a.item(), b.item()]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_grad_norm": None}, [-3, -4]),
        ({"max_grad_norm": 10.0}, [-3, -4]),  # the norm is 5
        ({"max_grad_norm": 1.0}, [-0.6, -0.8]),  # all together, not group by group
        ({}, [-0.6, -0.8]),
        ({"max_grad_norm": 0.5}, [-0.3, -0.4]),
        ({"max_grad_norm": 1.0, "accumulation": 3}, [-0.6, -0.8]),  # once an update, not once a micro-batch
        ({"max_grad_norm": None, "accumulation": 3}, [-9, -12]),
    ],
)
def test_gradients_are_scaled_down_to_a_joint_norm(monkeypatch, settings, expected):
    assert moved(monkeypatch, **settings) == pytest.approx(expected, abs=1e-5)


def test_a_gpu_that_only_emulates_bfloat16_is_not_fast_at_it(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not loop.fast_bfloat16(torch.device("cuda"))
