"""Objectives together: weight 0 is absence, order is nothing, accumulation is one large batch."""

from dataclasses import dataclass
from itertools import combinations

import pytest
import torch

from staytrue.errors import ConfigError, StaytrueError
from staytrue.objectives import (
    OBJECTIVES,
    ClassSemantics,
    Composed,
    Denoising,
    DirectConsistency,
    OutputPreservation,
    SemanticAnchor,
    SemanticDelta,
    SemanticLadder,
    WeightAnchor,
    check_needs,
)
from staytrue.train.config import Weighted
from tests.steps import make_step, with_class_words

ROLES = ("subject", "class", "subject", "class", "class")


@dataclass(frozen=True)
class Constant:
    """A term without rows."""

    rows = "none"
    needs = frozenset({"trainable_phrase"})

    def __call__(self, step):
        return step.predictor.live["text"].weight.square().mean().reshape(1)


@dataclass(frozen=True)
class Averaged:
    """What a careless author would return."""

    rows = "subject"
    needs = frozenset()

    def __call__(self, step):
        return step.prediction.mean()


@dataclass(frozen=True)
class Term:
    weight: float
    objective: object


TERMS = {
    "class": Weighted(weight=0.7, objective=Denoising(rows="class")),
    "subject": Weighted(weight=1.0, objective=Denoising(rows="subject", weighting="min_snr")),
    "all": Weighted(weight=0.2, objective=Denoising(rows="all")),
    "phrase": Term(3.0, Constant()),
    "anchor_a": Weighted(weight=0.5, objective=SemanticAnchor(weighting="noise")),
    "anchor_b": Weighted(weight=0.5, objective=SemanticAnchor(reading="B")),
    "anchor_c": Weighted(weight=0.5, objective=SemanticAnchor(reading="C", weighting="min_snr")),
    "anchor_d": Weighted(weight=0.5, objective=SemanticAnchor(reading="D")),
    "delta": Weighted(weight=0.5, objective=SemanticDelta(carried="details")),
    "ladder": Weighted(weight=0.1, objective=SemanticLadder(temperature=1.0)),
    "semantics": Weighted(weight=2.0, objective=ClassSemantics()),
    "weights": Weighted(weight=0.01, objective=WeightAnchor()),
    "consistency": Weighted(weight=0.1, objective=DirectConsistency(beta=2.0)),
    "output": Weighted(weight=1.0, objective=OutputPreservation()),
}


def test_every_objective_is_composed_here():
    assert {getattr(term.objective, "name", None) for term in TERMS.values()} >= set(OBJECTIVES.names())


def loss_and_gradient(terms, steps=None):
    steps = steps or [with_class_words(make_step(roles=ROLES), details="wearing a hat")]
    composed = Composed(terms)
    counts = composed.counts([step.roles for step in steps])
    total, seen = 0.0, {}
    for step in steps:
        share, means = composed(step, counts)
        share.backward()
        total += share.item()
        for name, mean in means.items():
            seen[name] = seen.get(name, 0.0) + mean.item()
    every = [[torch.zeros_like(p) if p.grad is None else p.grad for p in s.predictor.live.parameters()] for s in steps]
    gradients = [sum(g) for g in zip(*every, strict=True)]
    return total, seen, gradients


@pytest.mark.parametrize("pair", list(combinations(TERMS, 2)), ids="+".join)
def test_pairs_add(pair):
    total, means, gradients = loss_and_gradient({name: TERMS[name] for name in pair})
    alone = [loss_and_gradient({name: TERMS[name]}) for name in pair]
    assert total == pytest.approx(sum(a[0] for a in alone), rel=1e-5)
    assert all(any(g.any() for g in a[2]) for a in alone)
    assert total == pytest.approx(sum(TERMS[name].weight * means[name] for name in pair), rel=1e-5)
    for i, gradient in enumerate(gradients):
        torch.testing.assert_close(gradient, sum(a[2][i] for a in alone), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", TERMS)
def test_weight_zero_is_absence_to_the_last_bit(name):
    without = loss_and_gradient({"z": TERMS["subject"]})
    with_zero = loss_and_gradient({"a": Term(0, TERMS[name].objective), "z": TERMS["subject"]})
    assert without[:2] == with_zero[:2]
    assert all(torch.equal(a, b) for a, b in zip(without[2], with_zero[2], strict=True))
    assert not Composed({"class": Weighted(weight=0, objective=Denoising(rows="class"))}).needs()


def test_order_does_not_matter_to_the_last_bit():
    forward, backward = loss_and_gradient(TERMS), loss_and_gradient(dict(reversed(TERMS.items())))
    assert forward[:2] == backward[:2]
    assert all(torch.equal(a, b) for a, b in zip(forward[2], backward[2], strict=True))


def test_the_window_is_one_batch():
    """Three micro-batches with 2, 1 and 0 subject rows weigh each row alike: the mean over rows, not over batches."""
    roles = [("subject", "class", "subject"), ("class", "subject"), ("class", "class")]
    steps = [make_step(roles=r, seed=i) for i, r in enumerate(roles)]
    terms = {name: TERMS[name] for name in ("class", "subject")}
    total, means, _ = loss_and_gradient(terms, steps)
    losses = torch.cat([TERMS["subject"].objective(make_step(roles=r, seed=i)) for i, r in enumerate(roles)])
    assert means["subject"] == pytest.approx(losses.mean().item(), rel=1e-5)
    assert total == pytest.approx(0.7 * means["class"] + means["subject"], rel=1e-5)


def test_reduced_losses_are_refused():
    with pytest.raises(StaytrueError, match=r"'careless' returned losses of shape \(\) for 2 rows"):
        loss_and_gradient({"careless": Term(1.0, Averaged())})


def test_needs_are_checked_by_name():
    everything = Composed(TERMS).needs()
    assert everything == {"class_rows", "class_details", "trainable_phrase", "frozen_base", "initial_weights"}
    check_needs(Composed(TERMS), everything)
    terms = {name: TERMS[name] for name in ("class", "phrase", "semantics", "output", "weights")}
    for name, need, said in (
        ("class", "class_rows", "class images"),
        ("phrase", "trainable_phrase", "something that can move"),
        ("semantics", "trainable_phrase", "something that can move"),
        ("output", "frozen_base", "the untrained model"),
        ("weights", "initial_weights", "the trained weights as they began"),
    ):
        with pytest.raises(ConfigError, match=rf"objectives\.{name} needs {said}"):
            check_needs(Composed({name: terms[name]}), everything - {need})
    with pytest.raises(ConfigError, match="nothing to learn"):
        check_needs(Composed({}), frozenset())
