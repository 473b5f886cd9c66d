"""Class semantics: worked numbers, EOS against the released pooling in a real text encoder, and where its gradient goes."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.objectives import ClassSemantics
from staytrue.train.predictor import BackbonePredictor
from staytrue.types import Subject
from tests.steps import CUP, SUBJECT, make_step
from tests.tiny import tiny_sd

FEATURES = {
    "a photo of a olis dog": [1.0, 0.0],
    "a photo of a dog": [1.0, 1.0],
    "a photo of a sks cup": [0.0, 2.0],
    "a photo of a cup": [0.0, 1.0],
}


class Pools:
    def __init__(self):
        self.table = {text: torch.tensor(value, requires_grad=True) for text, value in FEATURES.items()}

    def pooled_text(self, texts, pooling, identifiers):
        return torch.stack([self.table[text] for text in texts])


def test_by_hand_and_averaged_over_the_subjects():
    """(1, 0) against (1, 1): 1 - 1/sqrt(2) = 0.2929. (0, 2) against (0, 1): 0. The mean of both is 0.1464."""
    one = replace(make_step(), predictor=Pools())
    torch.testing.assert_close(ClassSemantics()(one), torch.tensor([0.2929]), atol=1e-4, rtol=0)
    two = replace(one, everyone=(SUBJECT, CUP))  # the rows show the dog alone
    torch.testing.assert_close(ClassSemantics()(two), torch.tensor([0.1464]), atol=1e-4, rtol=0)


def test_the_class_branch_is_detached():
    step = replace(make_step(), predictor=Pools())
    ClassSemantics()(step).sum().backward()
    assert step.predictor.table["a photo of a olis dog"].grad.any()
    assert step.predictor.table["a photo of a dog"].grad is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@cache
def loaded(folder):
    backbone = SD(path=str(folder)).load()
    backbone.tokenizer.add_tokens("<new1>")  # its id is above the end mark's
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone.text_encoder.resize_token_embeddings(len(backbone.tokenizer), mean_resizing=False)
    return backbone


def step_of(backbone, adapter, identifier, noun="dog"):
    adapter.attach(backbone, [identifier])
    subject = Subject(name="s", photos="p", class_noun=noun, identifier=identifier)
    return make_step(roles=("subject",), subjects=(subject,)), BackbonePredictor(backbone, adapter)


def loss_of(folder, identifier, noun="dog", pooling="eos"):
    step, predictor = step_of(deepcopy(loaded(folder)), Full(token=True), identifier, noun)
    return ClassSemantics(pooling=pooling)(replace(step, predictor=predictor))


def naive_encoder(text_encoder, ids, bare=()):
    """CLIP's text side in NumPy; at the ids of ``bare`` the position is left out. Returns the normed states."""
    w = {name: tensor.detach().double().numpy() for name, tensor in text_encoder.state_dict().items()}
    w = {name.removeprefix("text_model."): value for name, value in w.items()}
    table, config = text_encoder.get_input_embeddings().weight.detach().double().numpy(), text_encoder.config

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + config.layer_norm_eps)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    positions = w["embeddings.position_embedding.weight"]
    x = np.stack([table[token] + (0 if token in bare else positions[place]) for place, token in enumerate(ids)])
    width = x.shape[1] // config.num_attention_heads
    for layer in (f"encoder.layers.{n}" for n in range(config.num_hidden_layers)):
        y, made = norm(x, f"{layer}.layer_norm1"), np.zeros_like(x)
        q, k, v = (linear(y, f"{layer}.self_attn.{part}_proj") for part in "qkv")
        for head in (slice(n * width, (n + 1) * width) for n in range(config.num_attention_heads)):
            for place in range(len(ids)):  # a token sees itself and what came before
                scores = np.exp(q[place, head] @ k[: place + 1, head].T / np.sqrt(width))
                made[place, head] = scores / scores.sum() @ v[: place + 1, head]
        x = x + linear(made, f"{layer}.self_attn.out_proj")
        y = linear(norm(x, f"{layer}.layer_norm2"), f"{layer}.mlp.fc1")
        x = x + linear(y / (1 + np.exp(-1.702 * y)), f"{layer}.mlp.fc2")
    return norm(x, "final_layer_norm")


@pytest.mark.parametrize("identifier", ["<new1>", "olis"])
@pytest.mark.parametrize("pooling", ["eos", "released"])
def test_the_formula_in_numpy_as_paper_and_as_code(folder, identifier, pooling):
    """The code: state at argmax(ids), the new token's position left out. The paper: state at the first end mark."""
    backbone = loaded(folder)
    features = []
    for text in (f"a photo of a {identifier} dog", "a photo of a dog"):
        ids = backbone.tokenizer(text).input_ids
        rare = backbone.tokenizer(identifier, add_special_tokens=False).input_ids
        states = naive_encoder(backbone.text_encoder, ids, rare if pooling == "released" else ())
        features.append(
            states[int(np.argmax(ids)) if pooling == "released" else ids.index(backbone.tokenizer.eos_token_id)]
        )
    one, two = features
    expected = 1 - one @ two / np.sqrt(one @ one) / np.sqrt(two @ two)
    np.testing.assert_allclose(loss_of(folder, identifier, pooling=pooling).item(), expected, atol=1e-5)


def test_released_does_not_see_the_class_noun_behind_a_new_token(folder):
    """Attention is causal: what follows the token it looks at has no effect on it. At the text's end it has."""
    backbone = deepcopy(loaded(folder))
    for pooling, seen in (("released", False), ("eos", True)):
        dog, cat = (backbone.pooled_text([f"a photo of a <new1> {n}"], pooling, ["<new1>"]) for n in ("dog", "cat"))
        assert torch.equal(dog, cat) != seen, pooling


def test_released_leaves_the_position_out_and_puts_it_back(folder):
    backbone = loaded(folder)
    text = ["a photo of a <new1> dog"]
    before = backbone.encode_text(text)
    with_it = backbone.pooled_text(text, "released", [])
    assert not torch.allclose(backbone.pooled_text(text, "released", ["<new1>"]), with_it, atol=1e-3)
    assert torch.equal(backbone.encode_text(text), before)


def test_padding_that_is_no_end_mark_is_not_the_end(folder):
    backbone = deepcopy(loaded(folder))
    before = backbone.pooled_text(["a dog"])
    backbone.tokenizer.pad_token = "!"  # as Stable Diffusion 2 pads
    torch.testing.assert_close(backbone.pooled_text(["a dog"]), before)


@pytest.mark.parametrize(
    ("adapter", "reached"),
    [
        (Full(token=True), {"token"}),
        (Full(text_encoder=True), {"text_encoder"}),
        (Lora(rank=2, text_encoder=True), {"text_encoder"}),
    ],
    ids=["token", "text", "lora"],
)
@pytest.mark.parametrize("pooling", ["eos", "released"])
def test_gradient_reaches_the_text_side_and_never_the_denoiser(folder, adapter, reached, pooling):
    backbone = deepcopy(loaded(folder))
    groups = adapter.attach(backbone, ["<new1>"])
    for parameter in groups.get("text_encoder", []) if isinstance(adapter, Lora) else []:
        torch.nn.init.normal_(parameter, std=0.1)
    subject = Subject(name="s", photos="p", class_noun="dog", identifier="<new1>")
    step = replace(make_step(roles=("subject",), subjects=(subject,)), predictor=BackbonePredictor(backbone, adapter))
    loss = ClassSemantics(pooling=pooling)(step)
    assert loss.item() > 1e-3
    loss.sum().backward()
    assert {
        name for name, group in groups.items() if any(p.grad is not None and p.grad.any() for p in group)
    } == reached
