"""Noise processes and weights: shapes, inverses and limits."""

from dataclasses import replace

import pytest
import torch

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.diffusion.noised import Noised
from staytrue.diffusion.randomness import derived_seed, generator_for
from staytrue.diffusion.weights import by_time, min_snr, uniform

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


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "flow"])
def test_min_snr_is_the_capped_loss_of_x0(kind):
    """Whatever the target, min-SNR times its error is min(SNR, gamma) times the error of x0: that makes the weights right."""
    x0, noise, error = torch.randn(3, 3, 4, 2, 2, generator=generator_for(0)).double()
    t = torch.tensor([100.0, 500.0, 900.0]).double() if kind == "flow" else torch.tensor([10, 50, 90])
    process = Flow() if kind == "flow" else DDPM(ALPHAS.double(), kind)
    noised = process.noise(x0, noise, t)
    prediction = noised.target + error
    of_x0 = (process.x0_from(noised, prediction) - x0).square().mean((1, 2, 3))
    losses = min_snr(noised.snr, kind, 2.0) * error.square().mean((1, 2, 3))
    torch.testing.assert_close(losses, noised.snr.clamp(max=2.0) * of_x0)


def test_min_snr_of_a_flow_by_hand():
    """gamma 5. s 1/2: SNR 1, times s^2 is 1/4. s 1/5: SNR 16, capped to 5, times 1/25. s 1: SNR 0."""
    snr = Flow().snr(torch.tensor([500.0, 200.0, 1000.0]))
    torch.testing.assert_close(min_snr(snr, "flow"), torch.tensor([0.25, 0.2, 0.0]))
    assert min_snr(torch.tensor([float("inf")]), "flow").item() == 0


def test_min_snr_of_the_unknown_is_refused():
    with pytest.raises(ValueError, match="'sample'"):
        min_snr(torch.ones(1), "sample")


def test_weights_by_name():
    """The weight "noise" is 1 / (1 + SNR), which is 1 - a_t; all are multiplied with the process's own."""
    t = torch.tensor([5, 60])
    noised = DDPM(ALPHAS).noise(torch.zeros(2, 1, 1, 1), torch.zeros(2, 1, 1, 1), t)
    torch.testing.assert_close(by_time(noised, "noise"), 1 - ALPHAS[t])
    torch.testing.assert_close(by_time(noised, "uniform"), torch.ones(2))
    torch.testing.assert_close(by_time(noised, "min_snr", 2.0), min_snr(noised.snr, "epsilon", 2.0))
    halved = replace(noised, weight=torch.tensor([0.5, 1.0]))
    torch.testing.assert_close(by_time(halved, "noise"), by_time(noised, "noise") * torch.tensor([0.5, 1.0]))


def test_seeds_differ_by_every_part_of_the_purpose():
    seeds = {
        derived_seed(*purpose)
        for purpose in [(0, 1, "noise"), (0, 2, "noise"), (1, 1, "noise"), (0, 1, "t"), (0, 11, "noise")]
    }
    assert len(seeds) == 5
    assert derived_seed(0, 1, "noise") == derived_seed(0, 1, "noise") < 2**63
