"""Every backbone: says what it is without its weights, and loaded it looks like all others."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from staytrue.backbones import BACKBONES, Backbone
from staytrue.errors import BackboneError
from tests.tiny import tiny_sd

# name -> writes a tiny checkpoint of random weights to a folder
TINY = {"sd": lambda folder: tiny_sd(folder, size=16)}
TEXTS = ["a red dog on the beach", "a cat", ""]


@pytest.fixture(scope="module", params=BACKBONES.names())
def made(request, tmp_path_factory):
    """The component and its folder."""
    assert request.param in TINY, "a backbone without a setting here"
    folder = TINY[request.param](tmp_path_factory.mktemp(request.param) / "tiny")
    return BACKBONES.get(request.param)(path=str(folder)), folder


@pytest.fixture(scope="module")
def component(made):
    return made[0]


@pytest.fixture(scope="module")
def loaded(component):
    return component.load()


def noised(loaded, rows=3):
    shape = (rows, *loaded.facts.latent_shape)
    x0, noise = (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    return loaded.process.noise(x0, noise, torch.linspace(900, 100, rows).long())


def test_facts_need_no_weights(made, loaded, tmp_path):
    component, folder = made
    bare = shutil.copytree(folder, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    assert not list(bare.rglob("*.safetensors"))
    assert isinstance(component, Backbone)
    facts, without = component.facts(), type(component)(path=str(bare)).facts()
    assert facts == loaded.facts
    told = ("family", "resolution_px", "latent_shape", "prediction", "is_miniature", "vocabulary", "words")
    for name in told:
        assert getattr(facts, name) == getattr(without, name), name
    assert len(facts.latent_shape) == 3
    assert not facts.is_miniature
    with pytest.raises(BackboneError):
        type(component)(path=str(tmp_path / "nothing")).facts()


def test_pictures_to_latents_and_back(loaded):
    side = loaded.facts.resolution_px
    pixels = (torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1).requires_grad_()
    mean, std = loaded.encode(pixels)
    assert mean.shape == std.shape == (2, *loaded.facts.latent_shape)
    assert mean.dtype == std.dtype == torch.float32
    assert (std >= 0).all()
    assert mean.is_contiguous() and std.is_contiguous()  # else a resumed run differs in its last bits
    latents = mean.detach().requires_grad_()
    pictures = loaded.decode(latents)
    assert pictures.shape == pixels.shape
    for given, what in ((pixels, mean), (latents, pictures)):
        (gradient,) = torch.autograd.grad(what.square().mean(), given)
        assert gradient.abs().sum() > 0


def test_texts_are_states_and_do_not_depend_on_their_neighbors(loaded):
    states, ids = loaded.encode_text(TEXTS), loaded.tokens(TEXTS)
    rows, tokens, width = states.shape
    assert ids.shape == (rows, tokens) == (3, tokens)
    torch.testing.assert_close(loaded.encode_tokens(ids), states)
    for row, text in zip(states, TEXTS, strict=True):
        torch.testing.assert_close(loaded.encode_text([text])[0], row, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(states[0], states[1], atol=1e-3)
    vectors = loaded.token_vectors(ids[0])
    assert vectors.shape == (tokens, width)
    changed = int(ids[0][2])
    other = loaded.encode_tokens(ids, {changed: -vectors[2]})
    assert not torch.allclose(other[0], states[0], atol=1e-3)
    torch.testing.assert_close(other[1], states[1])


@pytest.mark.parametrize("pooling", ["eos", "released"])
def test_pooled_text_is_one_feature_a_text(loaded, pooling):
    features = loaded.pooled_text(TEXTS, pooling, ["red"])
    assert features.shape == (3, loaded.encode_text(TEXTS).shape[2])
    torch.testing.assert_close(loaded.pooled_text(TEXTS[1:2], pooling, ["red"])[0], features[1], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_prediction_is_of_the_latents_time_and_words(loaded):
    batch, condition = noised(loaded), loaded.encode_text(TEXTS)
    prediction = loaded.predict(batch, condition)
    assert prediction.shape == batch.target.shape
    assert prediction.dtype == loaded.dtype
    assert loaded.process.prediction == loaded.facts.prediction == batch.prediction
    one = batch.select(torch.tensor([1]))
    torch.testing.assert_close(loaded.predict(one, condition[1:2]), prediction[1:2], atol=1e-4, rtol=1e-3)
    later, other = replace(batch, t=batch.t.flip(0)), replace(batch, x_t=batch.x_t.flip(0))
    for changed in ((batch, condition.flip(0)), (later, condition), (other, condition)):
        assert not torch.allclose(loaded.predict(*changed)[0], prediction[0], atol=1e-4)


def test_what_an_adapter_may_touch_is_frozen_until_then_and_what_predicts(loaded):
    modules = loaded.trainable_modules()
    assert set(modules) == {"denoiser", "text_encoder"}
    for name, module in modules.items():
        parameters = list(module.parameters())
        assert parameters and not any(p.requires_grad for p in parameters)
        assert not any(m.training for m in module.modules())
        module.requires_grad_(True)
        loaded.predict(noised(loaded), loaded.encode_text(TEXTS)).square().mean().backward()
        assert sum(p.grad.abs().sum() for p in parameters if p.grad is not None) > 0, name
        module.requires_grad_(False)
        for parameter in parameters:
            parameter.grad = None


@torch.no_grad()
def test_what_is_saved_is_the_same_model(component, loaded, tmp_path):
    loaded.save(tmp_path / "saved")
    again = type(component)(path=str(tmp_path / "saved")).load()
    batch = noised(loaded)
    expected = loaded.predict(batch, loaded.encode_text(TEXTS))
    assert torch.equal(again.predict(batch, again.encode_text(TEXTS)), expected)
    assert torch.equal(again.decode(batch.x0), loaded.decode(batch.x0))
    assert again.facts.prediction == loaded.facts.prediction


def test_the_number_format_is_as_asked(component, loaded):
    assert loaded.dtype == torch.float32
    half = component.load(dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert half.encode(torch.zeros(1, 3, *[half.facts.resolution_px] * 2))[0].dtype == torch.float32


def test_is_its_own_config(component):
    union = TypeAdapter(BACKBONES.union())
    assert union.validate_json(union.dump_json(component)) == component
    with pytest.raises(ValidationError):
        union.validate_python({"name": component.name, "no_such_field": 1})
    assert type(component).__doc__


def test_listing_imports_nothing_heavy():
    script = "import sys, staytrue.backbones as _; print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
