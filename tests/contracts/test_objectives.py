"""Every objective: losses per row it selected, gradient into what trains and never into the base, fields that matter."""

import dataclasses
from typing import get_args

import pytest
import torch

from staytrue.objectives import OBJECTIVES
from staytrue.objectives.base import Rows
from staytrue.types import Slot
from tests.steps import CUP, SUBJECT, make_step, with_class_words

CAP = {"gamma": 0.02}  # below the SNR of every row of the step, so that min_snr differs from uniform
# a tiny setting of each, and for each field a value that must change the losses
SETTINGS = {
    "denoising": (CAP, {"rows": "class", "weighting": "min_snr", "gamma": 0.01}),
    "class_semantics": ({}, {"pooling": "released", "style": "a sketch of"}),
    "semantic_anchor": (CAP, {"reading": "D", "frequent": "class", "weighting": "noise", "gamma": 0.01}),
    "semantic_ladder": (
        CAP,
        {
            "neighbors": ("cat",),
            "others": ("boat", "robot"),
            "temperature": 0.5,
            "frequent": "class",
            "weighting": "min_snr",
            "gamma": 0.01,
        },
    ),
    "semantic_delta": (
        CAP,
        {"carried": "adjectives", "strength": 2.0, "share": 0.5, "weighting": "min_snr", "gamma": 0.01},
    ),
    "weight_anchor": ({}, {}),
    "direct_consistency": (
        {"beta": 1.0} | CAP,
        {"beta": 2.0, "frequent": "class", "weighting": "noise", "gamma": 0.01},
    ),
    "output_preservation": (CAP, {"frequent": "caption", "weighting": "min_snr", "gamma": 0.01}),
}
ROLES = ("subject", "class", "subject", "class")


def step(**changes):
    """Two photos, and a class image of each subject whose caption says more than the class."""
    made = make_step(roles=ROLES, subjects=(SUBJECT, CUP, CUP, SUBJECT), background="on the beach", **changes)
    return with_class_words(made, style="a painting of", adjectives=("red",))


@pytest.fixture(params=OBJECTIVES.names())
def name(request):
    assert request.param in SETTINGS, "an objective without a setting here"
    return request.param


@pytest.fixture
def objective(name):
    return OBJECTIVES.get(name)(**SETTINGS[name][0])


def test_one_finite_loss_per_row_it_selected(objective):
    losses = objective(step())
    count = 1 if objective.rows == "none" else len(step().indices(objective.rows))
    assert losses.shape == (count,)
    assert losses.isfinite().all()
    assert (losses >= 0).all()


def test_no_rows_no_losses(objective):
    role = {"class": "subject", "subject": "class"}.get(objective.rows)
    if role:
        assert objective(make_step(roles=(role,))).shape == (0,)


def test_gradient_reaches_what_trains_and_nothing_of_the_base(objective):
    made = step()
    objective(made).sum().backward()
    assert all(p.grad is None for p in made.predictor.base.parameters())
    assert any(p.grad is not None and p.grad.any() for p in made.predictor.live.parameters())
    assert made.predictor.now is made.predictor.live


def test_rows_of_another_role_do_not_matter(objective):
    if objective.rows in ("none", "all"):
        return
    made = step()
    own = made.indices(objective.rows)
    other = [i for i in range(len(ROLES)) if i not in own]
    made.noised.x_t.requires_grad_()
    objective(made).sum().backward()
    assert not made.noised.x_t.grad[other].any()
    if objective.name != "semantic_ladder":  # directions of this additive predictor have no x_t in them
        assert made.noised.x_t.grad[own].flatten(1).any(dim=1).all()


def test_a_rows_weight_multiplies_its_loss(objective):
    if objective.rows == "none":
        return
    plain, weighted = objective(step()), objective(step(weights=(3.0, 3.0, 0.5, 0.5)))
    factors = torch.tensor([(3.0, 3.0, 0.5, 0.5)[i] for i in step().indices(objective.rows)])
    torch.testing.assert_close(weighted, plain * factors)


def test_every_field_has_an_effect(name, objective):
    changes = SETTINGS[name][1]
    fields = {f.name for f in dataclasses.fields(objective)} - {"name"}
    assert fields == set(changes)
    for field, value in changes.items():
        fixed = {"weighting": "min_snr"} if field == "gamma" else {}
        before = dataclasses.replace(objective, **fixed)
        after = dataclasses.replace(objective, **fixed, **{field: value})
        assert not torch.allclose(before(step())[:1], after(step())[:1], rtol=1e-4), field


def test_is_a_strict_component_that_documents_itself(name, objective):
    with pytest.raises(ValueError, match="unexpected"):
        type(objective)(wieght=1)
    assert objective.name == name
    slots = {f"class_{slot}" for slot in get_args(Slot)}
    assert objective.needs <= {"class_rows", "frozen_base", "trainable_phrase", "initial_weights", *slots}
    assert objective.rows in get_args(Rows)
    for word in ("Reads", "Returns", "Source:", "Known to fail:"):
        assert word in type(objective).__doc__, word


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {}) for name in OBJECTIVES.names()),
        *(("denoising", {"rows": rows}) for rows in ("class", "all")),
        *(("semantic_anchor", {"reading": reading}) for reading in "BCD"),
    ],
)
def test_it_moves_the_identifier_s_row_exactly_where_it_says_so(name, changes):
    """In the tiny predictor a word's row is the sum of its letters: "olis" shares its own with none that the objectives say."""
    objective, made = OBJECTIVES.get(name)(**SETTINGS[name][0] | changes), step()
    objective(made).sum().backward()
    row = made.predictor.live["text"].weight.grad[sum(map(ord, SUBJECT.identifier)) % 16]
    assert bool(row.any()) == objective.moves_identifier


def test_needs_frozen_base_exactly_where_it_asks_for_it(objective):
    made = step()
    entered = []
    frozen = made.predictor.frozen
    made.predictor.frozen = lambda: entered.append(1) or frozen()
    objective(made)
    assert bool(entered) == ("frozen_base" in objective.needs)
