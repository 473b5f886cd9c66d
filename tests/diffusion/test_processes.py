"""Noise processes and weights: shapes, inverses and limits."""

import pytest
import torch

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.diffusion.noised import Noised
from staytrue.diffusion.randomness import derived_seed, generator_for
from staytrue.diffusion.weights import min_snr, uniform

ALPHAS = torch.linspace(0.999, 0.01, 100)
PROCESSES = [DDPM(ALPHAS), DDPM(ALPHAS, "v_prediction"), Flow()]


@pytest.mark.parametrize("process", PROCESSES, ids=["epsilon", "v", "flow"])
def test_a_perfect_prediction_gives_the_clean_latents_back(process):
    x0, noise = torch.randn(6, 4, 3, 3), torch.randn(6, 4, 3, 3)
    noised = process.noise(x0, noise, process.sample_timesteps(6, generator_for("t")))
    torch.testing.assert_close(process.x0_from(noised, noised.target), x0, atol=1e-4, rtol=1e-4)
    assert noised.weight.shape == noised.snr.shape == noised.t.shape == (6,)
    torch.testing.assert_close(noised.weight, torch.ones(6))


@pytest.mark.parametrize("process", PROCESSES, ids=["epsilon", "v", "flow"])
def test_timesteps_come_from_the_generator_alone(process):
    first = process.sample_timesteps(50, generator_for(1))
    torch.manual_seed(5)
    assert torch.equal(first, process.sample_timesteps(50, generator_for(1)))
    assert not torch.equal(first, process.sample_timesteps(50, generator_for(2)))


def test_ddpm_timesteps_cover_the_whole_range():
    t = PROCESSES[0].sample_timesteps(5000, generator_for(0))
    assert (t.min(), t.max()) == (0, 99)


def test_select_keeps_rows_together():
    noised = PROCESSES[1].noise(torch.randn(4, 1, 2, 2), torch.randn(4, 1, 2, 2), torch.tensor([0, 30, 60, 99]))
    chosen = noised.select(torch.tensor([3, 1]))
    assert isinstance(chosen, Noised)
    assert chosen.prediction == "v_prediction"
    assert torch.equal(chosen.t, torch.tensor([99, 30]))
    assert torch.equal(chosen.target, noised.target[[3, 1]])
    assert torch.equal(chosen.snr, noised.snr[[3, 1]])


def test_min_snr_by_hand():
    """gamma 5, SNR 20, 5, 1: epsilon 5/20, 1, 1; v 5/21, 5/6, 1/2."""
    snr = torch.tensor([20.0, 5.0, 1.0])
    torch.testing.assert_close(min_snr(snr, "epsilon"), torch.tensor([0.25, 1.0, 1.0]))
    torch.testing.assert_close(min_snr(snr, "v_prediction"), torch.tensor([5 / 21, 5 / 6, 0.5]))
    torch.testing.assert_close(uniform(snr), torch.ones(3))


def test_min_snr_at_zero_terminal_snr_is_finite():
    zero = torch.zeros(1)
    assert min_snr(zero, "epsilon").item() == 1
    assert min_snr(zero, "v_prediction").item() == 0


def test_min_snr_makes_epsilon_and_v_the_same_loss_of_x0():
    """The same x0 error costs the same under both targets: that is what makes the weights right."""
    t, x0, noise, error = torch.tensor([10, 50, 90]), *torch.randn(3, 3, 4, 2, 2)
    losses = []
    for kind in ("epsilon", "v_prediction"):
        process = DDPM(ALPHAS.double(), kind)
        noised = process.noise(x0.double(), noise.double(), t)
        a = ALPHAS.double()[t][:, None, None, None]
        wrong = x0 + error  # the prediction that implies x0 + error, given x_t
        implied = (noised.x_t - a.sqrt() * wrong) / (1 - a).sqrt()
        prediction = implied if kind == "epsilon" else a.sqrt() * implied - (1 - a).sqrt() * wrong
        losses.append(min_snr(noised.snr, kind) * (prediction - noised.target).square().mean((1, 2, 3)))
    torch.testing.assert_close(*losses)


def test_min_snr_of_a_flow_is_refused():
    with pytest.raises(ValueError, match="flow"):
        min_snr(torch.ones(1), "flow")


def test_seeds_differ_by_every_part_of_the_purpose():
    seeds = {
        derived_seed(*purpose)
        for purpose in [(0, 1, "noise"), (0, 2, "noise"), (1, 1, "noise"), (0, 1, "t"), (0, 11, "noise")]
    }
    assert len(seeds) == 5
    assert derived_seed(0, 1, "noise") == derived_seed(0, 1, "noise") < 2**63
