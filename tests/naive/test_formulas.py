"""Every formula a second time: NumPy, float64, loops, written from the papers."""

import math

import numpy as np
import pytest
import torch

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.diffusion.weights import min_snr
from staytrue.objectives import Denoising
from tests.steps import make_step

BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2


def naive_alphas():
    product, alphas = 1.0, []
    for beta in BETAS:
        product *= 1.0 - beta
        alphas.append(product)
    return alphas


def naive_row(kind, x0, noise, t):
    """x_t and target of one row, element by element."""
    x_t, target = np.empty_like(x0), np.empty_like(x0)
    a = naive_alphas()[int(t)] if kind != "flow" else None
    for place in np.ndindex(x0.shape):
        if kind == "flow":
            s = t / 1000
            x_t[place] = (1 - s) * x0[place] + s * noise[place]
            target[place] = noise[place] - x0[place]
        else:
            x_t[place] = math.sqrt(a) * x0[place] + math.sqrt(1 - a) * noise[place]
            v = math.sqrt(a) * noise[place] - math.sqrt(1 - a) * x0[place]
            target[place] = noise[place] if kind == "epsilon" else v
    return x_t, target


def naive_min_snr(kind, t, gamma):
    if kind == "flow":
        s = t / 1000
        return min(((1 - s) / s) ** 2, gamma) * s**2
    snr = naive_alphas()[int(t)] / (1 - naive_alphas()[int(t)])
    return min(snr, gamma) / (snr if kind == "epsilon" else snr + 1)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "flow"])
def test_noising(kind):
    rng = np.random.default_rng(0)
    x0, noise = rng.standard_normal((2, 3, 2, 4, 4))
    t = np.array([7, 480, 999]) if kind != "flow" else np.array([7.5, 480.25, 999.0])
    alphas = torch.tensor(naive_alphas(), dtype=torch.float64)
    process = Flow() if kind == "flow" else DDPM(alphas, kind)
    noised = process.noise(torch.tensor(x0), torch.tensor(noise), torch.tensor(t))
    for row in range(3):
        x_t, target = naive_row(kind, x0[row], noise[row], t[row])
        np.testing.assert_allclose(noised.x_t[row].numpy(), x_t, atol=1e-12)
        np.testing.assert_allclose(noised.target[row].numpy(), target, atol=1e-12)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_min_snr(kind):
    t = torch.tensor([0, 3, 100, 250, 700, 999])
    process = DDPM(torch.tensor(naive_alphas(), dtype=torch.float64), kind)
    ours = min_snr(process.snr(t), kind, gamma=3.0)
    np.testing.assert_allclose(ours.numpy(), [naive_min_snr(kind, int(i), 3.0) for i in t], rtol=1e-10)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "flow"])
@pytest.mark.parametrize("rows", ["subject", "class", "all"])
@pytest.mark.parametrize("weighting", ["uniform", "min_snr"])
def test_denoising(kind, rows, weighting):
    process = Flow() if kind == "flow" else DDPM(torch.tensor(naive_alphas(), dtype=torch.float32), kind)
    step = make_step(
        process, roles=("subject", "class", "subject", "class", "class"), weights=(1.0, 0.5, 2.0, 1.0, 3.0)
    )
    expected = []
    for i, role in enumerate(step.roles):
        if rows not in ("all", role):
            continue
        squares = [
            (float(p) - float(q)) ** 2
            for p, q in zip(step.prediction[i].detach().flatten(), step.noised.target[i].flatten(), strict=True)
        ]
        by_time = naive_min_snr(kind, float(step.noised.t[i]), 5.0) if weighting == "min_snr" else 1.0
        expected.append(float(step.weights[i]) * by_time * sum(squares) / len(squares))
    ours = Denoising(rows=rows, weighting=weighting)(step)
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol=2e-4)
