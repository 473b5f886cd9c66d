"""Every adapter: trains what it says and no more, goes back to the base and to its state, and travels as files."""

import subprocess
import sys
from copy import deepcopy
from functools import cache

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from staytrue.adapters import ADAPTERS
from staytrue.backbones import SD
from staytrue.errors import BackboneError
from staytrue.generate.personalized import personalize
from tests.tiny import tiny_sd

SETTINGS = {
    "full": {"token": True},
    "lora": {"rank": 2, "token": True},
    "cross_attention": {"initializers": ("red", "blue")},
    "textual_inversion": {"initializers": ("toy", "bag")},
}
TEXTS = ["a olis dog next to a <new1> cat", "a dog"]
IDENTIFIERS, NOUNS = ["olis", "<new1>"], ["dog", "cat"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@cache
def loaded(folder):
    return SD(path=str(folder)).load()


@pytest.fixture(params=ADAPTERS.names())
def adapter(request):
    return ADAPTERS.get(request.param)(**SETTINGS[request.param])


def predicted(backbone):
    x0, noise = torch.randn(2, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    noised = backbone.process.noise(x0, noise, torch.tensor([100, 900]))
    return backbone.predict(noised, backbone.encode_text(TEXTS))


def attached(folder, adapter, moved=True, **options):
    backbone = deepcopy(loaded(folder))
    groups = adapter.attach(backbone, IDENTIFIERS, nouns=NOUNS, **options)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in adapter.state(backbone).values() if moved else ():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    return backbone, groups


def test_groups_are_known_and_nothing_else_requires_a_gradient(folder, adapter):
    backbone, groups = attached(folder, adapter)
    assert set(groups) == adapter.trains <= {"denoiser", "text_encoder", "token"}
    assert all(groups.values())
    named = [id(p) for group in groups.values() for p in group]
    everything = [p for m in (backbone.unet, backbone.text_encoder, backbone.vae) for p in m.parameters()]
    assert sorted(named) == sorted(id(p) for p in everything if p.requires_grad)
    assert len(set(named)) == len(named)
    assert adapter.trains_text == bool(set(groups) & {"text_encoder", "token"})
    predicted(backbone).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for group in groups.values() for p in group)


def test_frozen_is_the_untrained_model(folder, adapter):
    untrained, _ = attached(folder, adapter, moved=False, keep_base=True)
    with adapter.frozen(untrained):
        base = predicted(untrained)
    backbone, _ = attached(folder, adapter, keep_base=True)
    with adapter.frozen(backbone):
        torch.testing.assert_close(predicted(backbone), base)
    assert not torch.allclose(predicted(backbone), base, atol=1e-3)


def test_state_and_export_bring_the_same_model_back(folder, adapter, tmp_path):
    backbone, _ = attached(folder, adapter)
    ours = predicted(backbone)
    resumed, _ = attached(folder, adapter, moved=False)
    adapter.load_state(resumed, {name: tensor.clone() for name, tensor in adapter.state(backbone).items()})
    assert torch.equal(predicted(resumed), ours)
    adapter.export(backbone, tmp_path / "model")
    assert (tmp_path / "model" / adapter.file).is_file()
    again = deepcopy(loaded(folder))
    personalize(again, tmp_path / "model")  # knows the adapter by its file
    torch.testing.assert_close(predicted(again), ours, atol=1e-5, rtol=1e-4)


def test_no_file_is_no_model(folder, tmp_path):
    with pytest.raises(BackboneError, match="no trained model"):
        personalize(deepcopy(loaded(folder)), tmp_path)


def test_is_its_own_config(adapter):
    union = TypeAdapter(ADAPTERS.union())
    assert union.validate_json(union.dump_json(adapter)) == adapter
    with pytest.raises(ValidationError):
        union.validate_python({"name": adapter.name, "no_such_field": 1})


def test_listing_imports_nothing_heavy():
    script = (
        "import sys, staytrue.adapters as _; print({'torch', 'diffusers', 'transformers', 'peft'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
