"""Adapters: gradient where it should flow and nowhere else; the base is still there; what travels is what was trained."""

from copy import deepcopy
from functools import cache

import pytest
import torch
from safetensors import safe_open

from staytrue.adapters import CrossAttention, Full, Lora, TextualInversion
from staytrue.backbones import SD
from staytrue.errors import ConfigError
from tests.tiny import tiny_sd

ADAPTERS = {
    "full": Full(),
    "full+text": Full(text_encoder=True),
    "full+token": Full(token=True),
    "full+text+token": Full(text_encoder=True, token=True),
    "lora": Lora(rank=2),
    "lora+text": Lora(rank=2, alpha=6.0, text_encoder=True),
    "lora+token": Lora(rank=2, token=True),
    "lora+text+token": Lora(rank=2, text_encoder=True, token=True),
    "cross_attention": CrossAttention(),
    "textual_inversion": TextualInversion(),
}
GROUPS = {"cross_attention": {"denoiser", "token"}, "textual_inversion": {"token"}}
TEXTS = ["a olis dog", "a dog"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@cache
def loaded(folder):
    return SD(path=str(folder)).load()


def fresh(folder):
    return deepcopy(loaded(folder))


def noised_of(backbone):
    x0, noise = torch.randn(2, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    return backbone.process.noise(x0, noise, torch.tensor([100, 900]))


def predicted(backbone):
    return backbone.predict(noised_of(backbone), backbone.encode_text(TEXTS))


def train_a_little(backbone, adapter, **options):
    groups = adapter.attach(backbone, ["olis"], **options)
    optimizer = torch.optim.AdamW([p for g in groups.values() for p in g], lr=0.05, weight_decay=0.5)
    for _ in range(2):
        predicted(backbone).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return groups


@pytest.mark.parametrize("name", ADAPTERS)
def test_gradient_flows_where_it_should_and_nowhere_else(folder, name):
    backbone, adapter = fresh(folder), ADAPTERS[name]
    groups = adapter.attach(backbone, ["olis"])
    trained = {id(p) for group in groups.values() for p in group}
    for p in [p for group in groups.values() for p in group]:
        if "lora" in name:
            torch.nn.init.normal_(p, std=0.1)  # at its start B is 0, and with it A's gradient
    predicted(backbone).square().mean().backward()
    everything = [p for m in (backbone.unet, backbone.text_encoder, backbone.vae) for p in m.parameters()]
    assert all((p.grad is not None) == (id(p) in trained) for p in everything)
    asked = {"denoiser"} | {group for word, group in (("text", "text_encoder"), ("token", "token")) if word in name}
    assert set(groups) == adapter.trains == GROUPS.get(name, asked)
    assert adapter.trains_text == (set(groups) != {"denoiser"})
    state = list(adapter.state(backbone).values())
    assert [s.data_ptr() for s in state] == [p.data_ptr() for group in groups.values() for p in group]


@pytest.mark.parametrize("name", ADAPTERS)
def test_frozen_is_the_base_and_training_goes_on_after_it(folder, name):
    backbone, adapter = fresh(folder), ADAPTERS[name]
    base = predicted(backbone).detach()
    train_a_little(backbone, adapter, keep_base=True)
    with adapter.frozen(backbone):
        inside = predicted(backbone)
    torch.testing.assert_close(inside, base)
    assert not inside.requires_grad
    outside = predicted(backbone)
    assert outside.requires_grad
    assert not torch.allclose(outside, base, atol=1e-3)


@pytest.mark.parametrize("name", ADAPTERS)
def test_export_brings_the_same_model_back(folder, tmp_path, name):
    backbone, adapter = fresh(folder), ADAPTERS[name]
    train_a_little(backbone, adapter)
    ours = predicted(backbone)
    adapter.export(backbone, tmp_path / "model")
    torch.testing.assert_close(predicted(backbone), ours)  # exporting changed nothing
    again = fresh(folder)
    adapter.load_export(again, tmp_path / "model")
    torch.testing.assert_close(predicted(again), ours, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ADAPTERS)
def test_state_goes_out_and_back(folder, name):
    one, two, adapter = fresh(folder), fresh(folder), ADAPTERS[name]
    train_a_little(one, adapter)
    adapter.attach(two, ["olis"])
    adapter.load_state(two, {k: v.clone() for k, v in adapter.state(one).items()})
    assert torch.equal(predicted(one), predicted(two))


@pytest.mark.parametrize("name", [n for n in ADAPTERS if "token" in n or n in GROUPS])
def test_no_other_token_row_moves(folder, name):
    """Weight decay of 0.5 would shrink every row of the table, if the table itself were trained."""
    backbone = fresh(folder)
    before = backbone.text_encoder.get_input_embeddings().weight.clone()
    train_a_little(backbone, ADAPTERS[name])
    after = backbone.text_encoder.get_input_embeddings().merged().weight
    moved = (before != after).any(dim=1).nonzero().flatten().tolist()
    assert moved == backbone.tokenizer("olis", add_special_tokens=False).input_ids


def test_only_keys_and_values_of_cross_attention_and_the_row_change(folder):
    """The published set: attn2.to_k and attn2.to_v of every block, and nothing of attn1."""
    backbone, before = fresh(folder), fresh(folder).unet.state_dict()
    train_a_little(backbone, CrossAttention())
    moved = {name for name, tensor in backbone.unet.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if name.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))}
    assert len(moved) == 8


def test_textual_inversion_leaves_the_denoiser_alone(folder):
    backbone, before = fresh(folder), fresh(folder).unet.state_dict()
    train_a_little(backbone, TextualInversion())
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.unet.state_dict().items())


def test_keys_and_values_learn_nothing_from_the_first_text_token(folder):
    """With one text token only, all gradient stops; detach_first=False lets it through. The numbers are the same."""
    gradients, predictions = [], []
    for adapter in (CrossAttention(), CrossAttention(detach_first=False)):
        backbone = fresh(folder)
        groups = adapter.attach(backbone, ["olis"])
        condition = torch.randn(2, 1, 32, generator=torch.Generator().manual_seed(1))
        prediction = backbone.predict(noised_of(backbone), condition)
        prediction.square().mean().backward()
        gradients.append(max(p.grad.abs().max().item() for p in groups["denoiser"]))
        predictions.append(prediction.detach())
    assert gradients[0] == 0 < gradients[1]
    torch.testing.assert_close(*predictions)


def test_rows_are_needed_to_train_rows(folder):
    with pytest.raises(ConfigError, match="no identifier"):
        TextualInversion().attach(fresh(folder))


def test_lora_starts_as_the_base(folder):
    backbone = fresh(folder)
    base = predicted(backbone)
    Lora(rank=4, text_encoder=True).attach(backbone)
    torch.testing.assert_close(predicted(backbone), base)


def test_lora_file_keeps_alpha_and_no_paths(folder, tmp_path):
    backbone = fresh(folder)
    Lora(rank=2, alpha=6.0).attach(backbone)
    Lora(rank=2, alpha=6.0).export(backbone, tmp_path)
    with safe_open(tmp_path / "pytorch_lora_weights.safetensors", "pt") as file:
        said = file.metadata()["lora_adapter_metadata"]
    assert '"unet.lora_alpha": 6.0' in said
    assert str(folder) not in said


def test_lora_names_text_layers_as_every_other_program_does(folder, tmp_path):
    """transformers 5.6 took "text_model" out of the module; kohya, ComfyUI and diffusers before that read no other names."""
    backbone, adapter = fresh(folder), Lora(rank=2, text_encoder=True)
    adapter.attach(backbone)
    adapter.export(backbone, tmp_path)
    with safe_open(tmp_path / "pytorch_lora_weights.safetensors", "pt") as file:
        names = {name.split(".layers.")[0] for name in file.keys() if name.startswith("text_encoder.")}  # noqa: SIM118
    assert names == {"text_encoder.text_model.encoder"}


def test_lora_trains_the_layers_it_is_told(folder):
    backbone = fresh(folder)
    Lora(layers=("conv1",)).attach(backbone)
    assert all("conv1.lora_" in name for name in Lora(layers=("conv1",)).state(backbone))


@pytest.mark.parametrize("layers", [("to_q", "to_z", "q"), ("attn1", "to_z"), ("to_z",)])
def test_lora_names_the_layers_that_are_none(folder, layers):
    strays = ", ".join(layer for layer in layers if layer != "to_q")
    with pytest.raises(ConfigError, match=f"ends in {strays}; there are: .*to_q"):
        Lora(layers=layers).attach(fresh(folder))
