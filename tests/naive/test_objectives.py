"""The objectives a second time: NumPy, float64, loops, written from the papers' formulas."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.generate.tea import TEA
from staytrue.objectives import (
    ClassSemantics,
    DirectConsistency,
    OutputPreservation,
    SemanticAnchor,
    SemanticDelta,
    SemanticLadder,
    WeightAnchor,
)
from tests.naive.test_formulas import naive_alphas
from tests.steps import CUP, SUBJECT, make_step

ROLES = ("subject", "class", "subject", "class")
WEIGHTS = (1.0, 0.5, 2.0, 3.0)
KINDS = ["epsilon", "v_prediction", "flow"]


def made_step(kind="epsilon"):
    process = Flow() if kind == "flow" else DDPM(torch.tensor(naive_alphas(), dtype=torch.float32), kind)
    return make_step(process, ROLES, WEIGHTS, subjects=(SUBJECT, CUP), background="on the beach")


def asked(step, row, text, frozen=False):
    """What a network says of one row under a text, as plain numbers."""
    predictor = step.predictor
    predictor.now = predictor.base if frozen else predictor.live
    with torch.no_grad():
        said = predictor.predict(step.noised.select(torch.tensor([row])), predictor.encode_text([text]))
    predictor.now = predictor.live
    return said[0].double().numpy()


def mean_square(one, two):
    return sum((a - b) ** 2 for a, b in zip(one.flat, two.flat, strict=True)) / one.size


def cosine(one, two):
    product = sum(a * b for a, b in zip(one.flat, two.flat, strict=True))
    return product / math.sqrt(sum(a * a for a in one.flat)) / math.sqrt(sum(b * b for b in two.flat))


def time_weight(step, kind, row, weighting, gamma):
    t = float(step.noised.t[row])
    if kind == "flow":
        snr, per_x0 = ((1 - t / 1000) / (t / 1000)) ** 2, (t / 1000) ** 2
    else:
        a = naive_alphas()[int(t)]
        snr, per_x0 = a / (1 - a), (1 - a) / a if kind == "epsilon" else 1 - a
    return {"uniform": 1.0, "min_snr": min(snr, gamma) * per_x0, "noise": 1 / (1 + snr)}[weighting]


def rare(row):
    return "a olis dog on the beach" if row % 2 == 0 else "a sks cup on the beach"


def frequent(row, kind="caption"):
    noun = "dog" if row % 2 == 0 else "cup"
    return f"a {noun} on the beach" if kind == "caption" else f"a photo of a {noun}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reading", "ABCD")
@pytest.mark.parametrize("weighting", ["uniform", "min_snr", "noise"])
def test_semantic_anchor(kind, reading, weighting):
    step, words, expected = made_step(kind), "class" if reading == "A" else "caption", []
    for row, role in enumerate(ROLES):
        if role != ("class" if reading == "C" else "subject"):
            continue
        ours = asked(step, row, frequent(row, words) if reading == "D" else rare(row))
        target = asked(step, row, frequent(row, words), frozen=True)
        if reading == "B":
            ours, target = ours - asked(step, row, ""), target - asked(step, row, "", frozen=True)
        expected.append(WEIGHTS[row] * time_weight(step, kind, row, weighting, 0.7) * mean_square(ours, target))
    losses = SemanticAnchor(reading=reading, frequent=words, weighting=weighting, gamma=0.7)(step)
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=2e-4)


def test_output_preservation():
    step = made_step()
    expected = [
        WEIGHTS[row]
        * mean_square(asked(step, row, frequent(row, "class")), asked(step, row, frequent(row, "class"), True))
        for row in (0, 2)
    ]
    np.testing.assert_allclose(OutputPreservation()(step).detach().numpy(), expected, rtol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_direct_consistency(kind):
    step, beta, expected = made_step(kind), 3.0, []
    for row in (0, 2):
        target = step.noised.target[row].double().numpy()
        ours = mean_square(asked(step, row, rare(row)), target)
        theirs = mean_square(asked(step, row, frequent(row), frozen=True), target)
        sigmoid = 1 / (1 + math.exp(beta * (ours - theirs)))
        expected.append(-WEIGHTS[row] * time_weight(step, kind, row, "noise", 5) * math.log(sigmoid))
    losses = DirectConsistency(beta=beta, weighting="noise")(step)
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighting", ["uniform", "min_snr", "noise"])
def test_semantic_delta(kind, weighting):
    """Each photo with the word of its own subject's class row: of two rows, the dog's says "red" and the cup's "tall"."""
    step, expected = made_step(kind), []
    words = {1: ("tall",), 3: ("red",)}
    captions = [replace(c, adjectives=words.get(row, ())) for row, c in enumerate(step.captions)]
    step = replace(step, captions=tuple(captions), subjects=(SUBJECT, CUP, CUP, SUBJECT))
    captions[2] = replace(captions[2], noun="cup", identifier="sks")
    step = replace(step, captions=tuple(captions), texts=tuple(c.render() for c in captions))
    step = replace(step, condition=step.predictor.encode_text(list(step.texts)))
    for row, phrase, noun, word in ((0, "olis dog", "dog", "red"), (2, "sks cup", "cup", "tall")):
        there = "on the beach"
        moved = asked(step, row, f"a {word} {noun} {there}", True) - asked(step, row, f"a {noun} {there}", True)
        target = asked(step, row, f"a {phrase} {there}") + 1.5 * moved
        error = mean_square(asked(step, row, f"a {word} {phrase} {there}"), target)
        expected.append(WEIGHTS[row] * time_weight(step, kind, row, weighting, 0.7) * error)
    losses = SemanticDelta(carried="adjectives", strength=1.5, weighting=weighting, gamma=0.7)(step)
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=5e-4)


def test_semantic_ladder():
    """L = -log(sum over P of exp(cos / tau) / sum over P and N of exp(cos / tau)), with d(c) = e(c) - e("")."""
    step, tau, expected = made_step(), 0.5, []
    near, far = ("dog", "pet", "animal"), ("car", "boat")
    for row in (0, 2):
        own = asked(step, row, rare(row)) - asked(step, row, "")

        def score(noun, row=row, own=own):
            direction = asked(step, row, f"a {noun} on the beach", True) - asked(step, row, "", True)
            return math.exp(cosine(own, direction) / tau)

        above, below = sum(map(score, near)), sum(map(score, near + far))
        expected.append(-WEIGHTS[row] * math.log(above / below))
    losses = SemanticLadder(others=far, temperature=tau)(step)
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=1e-3)


def test_class_semantics():
    step = made_step()
    distances = []
    for one, two in (("olis dog", "dog"), ("sks cup", "cup")):
        features = step.predictor.pooled_text([f"a photo of a {one}", f"a photo of a {two}"]).detach().double().numpy()
        distances.append(1 - cosine(*features))
    np.testing.assert_allclose(ClassSemantics()(step).detach().numpy(), [sum(distances) / 2], rtol=1e-4)
    # the subjects of the run count, whichever of them the rows show
    one_shown = replace(step, subjects=(SUBJECT,) * 4)
    np.testing.assert_allclose(ClassSemantics()(one_shown).detach().numpy(), [sum(distances) / 2], rtol=1e-4)


def test_weight_anchor():
    step = made_step()
    pairs = zip(step.predictor.live.parameters(), step.predictor.base.parameters(), strict=True)
    numbers = [(p.tolist(), q.tolist()) for p, q in ((p.detach().flatten(), q.flatten()) for p, q in pairs)]
    expected = sum((a - b) ** 2 for one, two in numbers for a, b in zip(one, two, strict=True))
    np.testing.assert_allclose(WeightAnchor()(step).detach().numpy(), [expected], rtol=1e-4)


@pytest.mark.parametrize(
    ("rotation", "alpha", "beta"), [(0.2, 1.0, 1.5), (0.2, 0.5, 1.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)]
)
def test_tea(rotation, alpha, beta):
    rng = np.random.default_rng(0)
    v, c = rng.standard_normal((2, 3, 5))
    expected = np.empty_like(v)
    for row in range(3):
        long, short = (math.sqrt(sum(x * x for x in vector)) for vector in (v[row], c[row]))
        length = (1 - alpha) * long + alpha * beta * short
        angle = math.acos(cosine(v[row], c[row]))
        one, two = math.sin((1 - rotation) * angle) / math.sin(angle), math.sin(rotation * angle) / math.sin(angle)
        for i in range(5):
            expected[row, i] = length * (one * v[row, i] / long + two * c[row, i] / short)
    ours = TEA(rotation=rotation, alpha=alpha, beta=beta).adjusted(torch.tensor(v), torch.tensor(c))
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-10)
