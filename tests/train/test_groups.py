"""Groups of parameters: which learning rate and which weight decay each has, for every adapter."""

import pytest
import torch

from staytrue.adapters import CrossAttention, Full, Lora, TextualInversion
from staytrue.backbones import SD
from staytrue.train.config import Train
from staytrue.train.state import start
from staytrue.types import Subject
from tests.tiny import tiny_sd

SUBJECTS = [
    Subject(name="rex", photos="x", class_noun="dog"),
    Subject(name="tom", photos="y", class_noun="cat", identifier="sks"),
]
RATES = {"learning_rate": 1e-5, "text_encoder_learning_rate": 2e-6, "token_learning_rate": 5e-4, "weight_decay": 0.03}
DENOISER, TEXT, TOKEN = (1e-5, 0.03), (2e-6, 0.03), (5e-4, 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


def described(folder, **settings):
    state = start(Train(**settings), SD(path=str(folder)).load(), SUBJECTS, keep_base=False)
    return [(group["peak"], group["weight_decay"]) for group in state.optimizer.param_groups], state


@pytest.mark.parametrize(
    ("adapter", "groups"),
    [
        (Full(), [DENOISER]),
        (Full(text_encoder=True, token=True), [DENOISER, TEXT, TOKEN]),
        (Lora(rank=2, text_encoder=True), [DENOISER, TEXT]),
        (Lora(rank=2, token=True), [DENOISER, TOKEN]),
        (CrossAttention(), [DENOISER, TOKEN]),
        (TextualInversion(), [TOKEN]),
    ],
    ids=str,
)
def test_rates_and_decay_by_group(folder, adapter, groups):
    found, state = described(folder, adapter=adapter, **RATES)
    assert found == groups
    assert len(state.parameters()) == len(state.adapter.state(state.backbone))


def test_one_rate_for_all_where_only_one_is_given(folder):
    found, _ = described(folder, adapter=Lora(rank=2, text_encoder=True, token=True), learning_rate=3e-4)
    assert found == [(3e-4, 0.01), (3e-4, 0.01), (3e-4, 0.0)]


def test_each_subject_has_a_row_that_starts_from_its_noun(folder):
    _, state = described(folder, adapter=TextualInversion(), learning_rate=1.0)
    (rows,) = state.adapter.state(state.backbone).values()
    table, tokenizer = state.backbone.text_encoder.get_input_embeddings().embedding.weight, state.backbone.tokenizer
    expected = [table[tokenizer(word, add_special_tokens=False).input_ids[0]] for word in ("dog", "cat")]
    assert torch.equal(rows, torch.stack(expected))
