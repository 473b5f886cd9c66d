"""The training harness and the tokenizer, on toys."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from foundry.models.muon import Muon, orthogonalize
from foundry.models.tokenizer import END, SPARE, write
from foundry.models.training import Plan, Trainer


class ToyTask:
    """Fit a small network to noise of its own drawing."""

    def __init__(self):
        torch.manual_seed(0)
        self.modules = nn.ModuleDict({"net": nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 16))})

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        x = torch.randn(8, 16)
        return (self.modules["net"](x) - x.flip(1)).square().mean(), {}


class Clock:
    """A clock on which every reading takes one second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def trainer(folder: Path, optimizer: str) -> Trainer:
    return Trainer(ToyTask(), Plan(folder, budget_s=30.0, warmup_steps=5, optimizer=optimizer), Clock())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_interrupted_run_is_the_uninterrupted_run_bit_for_bit(tmp_path: Path, optimizer: str):
    whole = trainer(tmp_path / "whole", optimizer)
    whole.run()
    trainer(tmp_path / "parts", optimizer).run(max_steps=7)
    trainer(tmp_path / "parts", optimizer).run(max_steps=11)
    resumed = trainer(tmp_path / "parts", optimizer)
    resumed.run()
    assert resumed.progress.step == whole.progress.step
    for name, weight in whole.weights.items():
        assert torch.equal(weight, resumed.weights[name]), name
        assert torch.equal(whole.ema[name], resumed.ema[name]), name


def test_the_budget_ends_a_run_annealed_and_holds_over_resumes(tmp_path: Path):
    run = trainer(tmp_path, "adamw")
    run.run()
    assert run.progress.elapsed_s == 30.0
    assert run.optimizers[0].param_groups[0]["lr"] < 0.05 * run.plan.lr
    again = trainer(tmp_path, "adamw")
    again.run()
    assert again.progress.step == run.progress.step


def test_a_state_is_whole_or_absent(tmp_path: Path):
    trainer(tmp_path, "adamw").run(max_steps=3)
    (tmp_path / "state.part").mkdir()
    assert trainer(tmp_path, "adamw").progress.step == 3
    assert len(list(tmp_path.glob("state-*"))) == 1


@pytest.mark.parametrize("shape", [(2, 8, 64), (2, 64, 8), (2, 16, 16)])
def test_orthogonalized_matrices_have_singular_values_near_one(shape: tuple[int, int, int]):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape), rounds=8))
    assert values.min() > 0.3
    assert values.max() < 1.4


def test_muon_steps_downhill():
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(16, 16))
    optimizer = Muon([weight], lr=0.05)
    before = weight.square().sum().item()
    for _ in range(40):
        weight.grad = 2 * weight.detach()
        optimizer.step()
    assert weight.square().sum().item() < 0.7 * before


def test_every_word_of_the_world_and_every_spare_word_is_one_token(tmp_path: Path):
    words = ["dog", "dogs", "teapot", "santa", "grass", "on", "the", "a"]
    tokenizer = write(words, tmp_path)
    assert all(len(tokenizer.tokenize(word)) == 1 for word in [*words, *SPARE])


def test_unknown_words_are_spelled_not_dropped(tmp_path: Path):
    tokenizer = write(["dog", "a"], tmp_path)
    ids = tokenizer("A xylophone, 7 dogs!").input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == "axylophone,7dogs!"
    assert tokenizer.unk_token_id not in ids[1:-1]


def test_captions_end_with_the_end_token_and_are_padded_with_it(tmp_path: Path):
    tokenizer = write(["dog", "a"], tmp_path)
    ids = tokenizer("a dog", padding="max_length").input_ids
    assert len(ids) == tokenizer.model_max_length == 32
    assert ids[3:] == [tokenizer.convert_tokens_to_ids(END)] * 29
    # 2 would switch transformers to pooling at the largest id.
    assert tokenizer.eos_token_id != 2


def test_kappa_worked_by_hand():
    """Agreed 3 of 4; by chance 1/2 x 1/4 + 1/2 x 3/4 = 1/2; (3/4 - 1/2) / (1/2) = 1/2."""
    from foundry.models.eye import kappa

    yes = np.array([True, True, False, False])
    assert kappa(yes, np.array([True, False, False, False])) == pytest.approx(0.5)
    assert kappa(yes, yes) == 1
    assert np.isnan(kappa(yes | True, yes | True))
