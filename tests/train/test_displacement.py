"""How far weights moved: in the numbers of full fine-tuning, and in the updates a LoRA stands for."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.train.displacement import Displacement
from staytrue.train.latents import CachedLatents, Crops, EncodedLatents
from staytrue.train.memory import memory_bytes, memory_line
from staytrue.train.predictor import BackbonePredictor
from staytrue.train.state import start
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, small


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16))).load()


ADAPTERS = {
    "full": Full(),
    "full+token": Full(token=True),
    "lora": Lora(rank=2, alpha=6.0),
    "lora+conv": Lora(rank=2, layers=("conv1", "to_q"), text_encoder=True),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_zero_at_the_start_and_then_the_distance_of_the_weights(backbone, name):
    mine, adapter = deepcopy(backbone), ADAPTERS[name]
    groups = adapter.attach(mine, ["olis"])
    parameters = [p for group in groups.values() for p in group]
    began = Displacement.of(mine, parameters)
    assert began().item() == 0
    before = [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    if isinstance(adapter, Lora):
        from peft.tuners.lora import LoraLayer

        layers = [m for root in mine.trainable_modules().values() for m in root.modules() if isinstance(m, LoraLayer)]
        expected = sum(layer.get_delta_weight("default").square().sum() for layer in layers)
        assert not began.moved
    else:
        expected = sum((p - q).square().sum() for p, q in zip(parameters, before, strict=True))
        assert not began.updates
    torch.testing.assert_close(began(), expected, rtol=1e-4, atol=1e-5)
    began().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)


def test_gradient_of_full_by_hand(backbone):
    """Everything moved by 0.5: the squared distance is a quarter per number, its gradient 1 everywhere."""
    mine = deepcopy(backbone)
    parameters = [p for group in Full().attach(mine).values() for p in group]
    began = Displacement.of(mine, parameters)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.5)
    assert began().item() == pytest.approx(0.25 * sum(p.numel() for p in parameters), rel=1e-4)
    began().backward()
    assert all(torch.allclose(p.grad, torch.ones_like(p), atol=1e-4) for p in parameters)


@pytest.mark.parametrize("name", ADAPTERS)
def test_bfloat16_around_it_changes_no_bit(backbone, name):
    mine, adapter = deepcopy(backbone), ADAPTERS[name]
    parameters = [p for group in adapter.attach(mine, ["olis"]).values() for p in group]
    predictor = BackbonePredictor(mine, adapter)
    predictor.remember(parameters)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    exact = predictor.displacement()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(predictor.displacement(), exact)


@pytest.mark.parametrize("adapter", [Full(), Full(text_encoder=True), Lora(rank=2)], ids=["full", "full+text", "lora"])
@pytest.mark.parametrize("keep_base", [False, True])
def test_memory_says_what_a_frozen_reference_costs(backbone, adapter, keep_base):
    mine = deepcopy(backbone)
    state = start(small(adapter=adapter, ema=0.9), mine, [SUBJECT], keep_base)
    predictor, latents = BackbonePredictor(mine, adapter), EncodedLatents(Crops(Path(), (), 16), mine)
    found = memory_bytes(state, predictor, latents)
    trained = sum(p.nbytes for p in state.parameters())
    copied = trained if keep_base and adapter.name == "full" else 0
    assert found.get("frozen reference", 0) == copied
    assert (found["gradients"], found["optimizer"], found["moving average"]) == (trained, 2 * trained, trained)
    assert "initial weights" not in found
    predictor.remember(state.parameters())
    remembered = memory_bytes(state, predictor, latents).get("initial weights", 0)
    assert remembered == (trained if adapter.name == "full" else 0)
    assert ("frozen reference" in memory_line(found)) == bool(copied)


def test_memory_says_what_cached_latents_take(backbone):
    mine = deepcopy(backbone)
    state = start(small(), mine, [SUBJECT], keep_base=False)
    crops, latents = Crops(Path(), (), 16), torch.zeros(3, 4, 4, 4)
    predictor = BackbonePredictor(mine, state.adapter)
    assert "cached latents" not in memory_bytes(state, predictor, EncodedLatents(crops, mine))
    found = memory_bytes(state, predictor, CachedLatents(crops, latents, latents))
    assert found["cached latents"] == 2 * 4 * latents.numel()


def test_the_line_adds_up():
    said = memory_line({"model": 3_000_000_000, "gradients": 500_000_000})
    assert said == "memory: 3.5 GB without activations (model 3, gradients 0.5)"
