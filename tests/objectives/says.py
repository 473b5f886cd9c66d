"""A predictor that says what it is told, for worked numbers."""

from contextlib import contextmanager
from dataclasses import replace

import torch

from tests.steps import make_step


class Says:
    """Predicts one number everywhere, by text, and another inside ``frozen``.

    Args:
        trained: text -> number, or a list of numbers of one row's elements; each is a parameter with a gradient.
        frozen: the same for the base; a text that is missing there was not to be asked.
    """

    def __init__(self, trained, frozen):
        self.numbers = {
            text: torch.tensor(value, dtype=torch.float32, requires_grad=True) for text, value in trained.items()
        }
        self.base = {text: torch.tensor(value, dtype=torch.float32) for text, value in frozen.items()}
        self.inside, self.calls = False, []

    def encode_text(self, texts):
        return list(texts)

    def predict(self, noised, condition):
        self.calls.append((self.inside, tuple(condition)))
        said = torch.stack([(self.base if self.inside else self.numbers)[text].flatten() for text in condition])
        return said.repeat(1, noised.x_t[0].numel() // said.shape[1]).reshape(noised.x_t.shape)

    @contextmanager
    def frozen(self):
        self.inside = True
        try:
            with torch.no_grad():
                yield
        finally:
            self.inside = False


def step_that_says(trained, frozen, roles=("subject",), **changes):
    """A step whose rows are predicted by ``Says``."""
    step = make_step(roles=roles, **changes)
    return replace(step, predictor=Says(trained, frozen), condition=list(step.texts))
