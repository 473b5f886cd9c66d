"""Sampling a second time: guidance (2207.12598, eq. 6), a negative prompt, guides, and DDIM's steps (2010.02502, eq. 12).

The network stands still in this: a known function of latents, time and text, so that only the arithmetic around it is compared.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from staytrue.generate import Request, Sampling, SubjectGuidance, WordGuidance
from staytrue.generate.guides import together
from staytrue.generate.solver import solve
from staytrue.types import Facts

CONFIG = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
    "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1, "prediction_type": "epsilon",
}  # fmt: skip
SHAPE = (2, 3, 3)
REQUESTS = [Request("a dog", 3), Request("a red dog", 4)]


def meaning(text):
    """What the stand-in text encoder gives: two tokens, two wide."""
    return np.random.default_rng(sum(map(ord, text)) + len(text)).normal(size=(2, 2))


def network(x, t, states):
    """Noise prediction of one row, as a function that is linear in nothing but its text."""
    return np.tanh(x) * 0.6 + 0.3 * states.mean() + 1e-4 * t * states[0, 0]


def untrained(x, t, states):
    """Another network, which hears other words."""
    return np.sin(x) * 0.4 + 0.3 * states[1].mean() + 1e-4 * t * states[0, 1]


class UNet:
    def __init__(self, network):
        self.network = network

    def __call__(self, rows, t, encoder_hidden_states):
        made = [self.network(x, float(t), c) for x, c in zip(rows.numpy(), encoder_hidden_states.numpy(), strict=True)]
        return SimpleNamespace(sample=torch.tensor(np.stack(made)))

    def modules(self):
        return iter(())


BACKBONE = SimpleNamespace(
    facts=Facts("sd", "t", 12, SHAPE, "epsilon"),
    unet=UNet(network),
    text_encoder=torch.nn.Identity().eval(),
    vae=torch.nn.Identity().eval(),
    device=torch.device("cpu"),
    scheduler_config=CONFIG,
    encode_text=lambda texts: torch.tensor(np.stack([meaning(text) for text in texts])),
)
UNTRAINED = SimpleNamespace(unet=UNet(untrained), encode_text=BACKBONE.encode_text)


def naive_alphas():
    """a_t of t = 0 ... 999: betas whose square roots go up in equal steps."""
    product, alphas = 1.0, []
    first, last = math.sqrt(0.00085), math.sqrt(0.012)
    for step in range(1000):
        product *= 1.0 - (first + (last - first) * step / 999) ** 2
        alphas.append(product)
    return alphas


def naive_picture(request, negative, w, steps, guides=()):
    """One latent, number by number; of each guide the network, its weight, and the texts with and without the words."""
    alphas = naive_alphas()
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(request.seed)).double().numpy()
    stride = 1000 // steps
    for t in [1 + stride * k for k in reversed(range(steps))]:
        toward, away = network(x, t, meaning(request.prompt)), network(x, t, meaning(negative))
        a, before = alphas[t], alphas[t - stride] if t >= stride else alphas[0]
        terms = [(weight, asks(x, t, meaning(more)), asks(x, t, meaning(less))) for asks, weight, more, less in guides]
        made = np.empty_like(x)
        for place in np.ndindex(x.shape):
            e = away[place] + w * (toward[place] - away[place])
            e += sum(weight * (more[place] - less[place]) for weight, more, less in terms)
            x0 = (x[place] - math.sqrt(1 - a) * e) / math.sqrt(a)
            made[place] = math.sqrt(before) * x0 + math.sqrt(1 - before) * e
        x = made
    return x


@pytest.mark.parametrize("negative", ["", "noisy, low quality"])
@pytest.mark.parametrize("guidance", [1.0, 1.5, 7.5])
def test_guidance(guidance, negative):
    ours = solve(BACKBONE, REQUESTS, Sampling(steps=5, guidance=guidance, negative=negative))
    expected = np.stack([naive_picture(request, negative, guidance, steps=5) for request in REQUESTS])
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_negative_prompt_and_the_weight_matter_here():
    """Else the comparison above shows nothing. At weight 1 the negative prompt has no effect: w - 1 is its share."""
    plain, negative, strong = (naive_picture(REQUESTS[0], *s, steps=5) for s in (("", 1.5), ("noisy", 1.5), ("", 7.5)))
    assert np.abs(plain - negative).max() > 1e-2
    assert np.abs(plain - strong).max() > 1e-2
    off = [naive_picture(REQUESTS[0], text, 1.0, steps=5) for text in ("", "noisy")]
    np.testing.assert_allclose(*off, atol=1e-12)


NAMED = [
    Request("a prax dog on grass", 3, (("prax", "dog"),), "a dog on grass"),
    Request("a prax dog", 4, (("prax", "dog"),), "a dog"),
    Request("a cat on grass", 5),  # names no subject: as without
    Request("a prax dog next to a sks cat", 6, (("prax", "dog"), ("sks", "cat")), "a dog next to a cat"),
]
SUBJECT_ALONE = [
    "a photo of a prax dog",
    "a photo of a prax dog",
    "",
    "a photo of a prax dog and a sks cat",
]
ALONE = ["a photo of a dog", "a photo of a dog", None, "a photo of a dog and a cat"]


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_word_guidance(guidance, weight):
    check(WordGuidance(weight=weight), guidance, [(untrained, weight, r.plain) for r in NAMED])


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_subject_guidance(guidance, weight):
    check(SubjectGuidance(weight=weight, place=""), guidance, [(network, weight, text) for text in SUBJECT_ALONE])


def test_subject_guidance_is_in_one_place():
    guide = together([SubjectGuidance(weight=2.0)], BACKBONE, lambda: UNTRAINED)
    ours = solve(BACKBONE, NAMED[:1], Sampling(steps=5, guidance=3.0), guide).numpy()
    both = (f"{text[0]} on a white background" for text in (SUBJECT_ALONE, ALONE))
    np.testing.assert_allclose(
        ours[0], naive_picture(NAMED[0], "", 3.0, 5, [(network, 2.0, *both)]), rtol=1e-4, atol=1e-4
    )


def check(one, guidance, expected):
    """The picture is the naive one, and another than without; of a request that names no subject it is that without."""
    guide = together([one], BACKBONE, lambda: UNTRAINED)
    ours = solve(BACKBONE, NAMED, Sampling(steps=5, guidance=guidance), guide).numpy()
    for request, alone, added, made in zip(NAMED, ALONE, expected, ours, strict=True):
        terms = [(*added, alone)] if alone else []
        np.testing.assert_allclose(made, naive_picture(request, "", guidance, 5, terms), rtol=1e-4, atol=1e-4)
        if alone:
            assert np.abs(made - naive_picture(request, "", guidance, steps=5)).max() > 1e-2


def test_guides_add_up():
    guide = together([WordGuidance(weight=1.0), SubjectGuidance(weight=2.0, place="")], BACKBONE, lambda: UNTRAINED)
    ours = solve(BACKBONE, NAMED[:1], Sampling(steps=5, guidance=3.0), guide).numpy()
    terms = [(untrained, 1.0, NAMED[0].plain, ALONE[0]), (network, 2.0, SUBJECT_ALONE[0], ALONE[0])]
    np.testing.assert_allclose(ours[0], naive_picture(NAMED[0], "", 3.0, 5, terms), rtol=1e-4, atol=1e-4)


def test_only_word_guidance_loads_the_untrained_model_and_weight_0_asks_nobody():
    def untrained():
        raise AssertionError("it is not needed")

    assert together([WordGuidance(), SubjectGuidance()], BACKBONE, untrained) is None
    assert together([WordGuidance(weight=0.0), SubjectGuidance(weight=1.0)], BACKBONE, untrained)
    with pytest.raises(AssertionError):
        together([WordGuidance(weight=1.0)], BACKBONE, untrained)


@pytest.mark.parametrize("one", [WordGuidance(weight=1.0), SubjectGuidance(weight=1.0)], ids=lambda one: one.name)
def test_a_guide_of_a_batch_without_subjects_asks_nothing(one):
    nobody = SimpleNamespace(unet=None, encode_text=None)
    sampling = Sampling(steps=2, guidance=3.0)
    guide = together([one], nobody, lambda: nobody)
    assert torch.equal(solve(BACKBONE, REQUESTS, sampling, guide), solve(BACKBONE, REQUESTS, sampling))
