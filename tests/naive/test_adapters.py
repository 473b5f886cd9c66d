"""What adapters compute, a second time: NumPy, float64, loops, from the exported files."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from staytrue.adapters import CrossAttention, Lora
from staytrue.adapters.cross_attention import FILE
from staytrue.adapters.lora import load_loras
from staytrue.adapters.token_rows import Token, TokenRows
from staytrue.backbones import SD
from staytrue.train.batches import Batches
from staytrue.types import Caption, Sample
from tests.tiny import tiny_sd

LAYER = "mid_block.attentions.0.transformer_blocks.0.attn2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


def exported(folder, to, adapter, seed):
    backbone = SD(path=str(folder)).load()
    adapter.attach(backbone, ["olis"])
    with torch.no_grad():
        for tensor in adapter.state(backbone).values():
            tensor.add_(0.3 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(seed)))
    adapter.export(backbone, to)
    return backbone


def array(tensor):
    return tensor.detach().numpy().astype(np.float64)


def naive_attention(x, c, w, heads):
    """softmax(Q K^T / sqrt(d)) V, head by head and place by place, then the output projection."""
    q, k, v = x @ w["q"].T, c @ w["k"].T, c @ w["v"].T
    out, d = np.zeros_like(q), q.shape[1] // heads
    for head in range(heads):
        part = slice(head * d, (head + 1) * d)
        for place in range(len(q)):
            raised = [math.exp(q[place, part] @ k[token, part] / math.sqrt(d)) for token in range(len(k))]
            for token, value in enumerate(raised):
                out[place, part] += value / sum(raised) * v[token, part]
    return out @ w["out"].T + w["bias"]


def test_custom_diffusion_attends_with_the_exported_keys_and_values(folder, tmp_path):
    layer = exported(folder, tmp_path, CrossAttention(), seed=1).unet.get_submodule(LAYER)
    file, x, c = load_file(tmp_path / FILE), torch.randn(1, 5, 32), torch.randn(1, 7, 32)
    weights = {part: array(file[f"{LAYER}.processor.to_{part}_custom_diffusion.weight"]) for part in "kv"}
    weights |= {
        "q": array(layer.to_q.weight),
        "out": array(layer.to_out[0].weight),
        "bias": array(layer.to_out[0].bias),
    }
    theirs = naive_attention(array(x[0]), array(c[0]), weights, layer.heads)
    np.testing.assert_allclose(array(layer(x, encoder_hidden_states=c)[0]), theirs, atol=1e-4)


def test_composed_loras_add_weighted_updates(folder, tmp_path):
    """W + 0.7 (6 / 2) B1 A1 + 0.4 (3 / 3) B2 A2, element by element."""
    settings, weights = (Lora(rank=2, alpha=6.0), Lora(rank=3)), (0.7, 0.4)
    for number, lora in enumerate(settings):
        exported(folder, tmp_path / str(number), lora, seed=number)
    backbone = SD(path=str(folder)).load()
    name = f"{LAYER}.to_k"
    expected = array(backbone.unet.get_submodule(name).weight)
    for number, (lora, weight) in enumerate(zip(settings, weights, strict=True)):
        file = load_file(tmp_path / str(number) / Lora.file)
        a, b = (array(file[f"unet.{name}.lora.{part}.weight"]) for part in ("down", "up"))
        factor = weight * (lora.alpha or lora.rank) / lora.rank
        for row, column in np.ndindex(expected.shape):
            expected[row, column] += factor * sum(b[row, r] * a[r, column] for r in range(lora.rank))
    load_loras(backbone, [(tmp_path / str(n), w) for n, w in enumerate(weights)])
    probe = torch.eye(expected.shape[1])
    np.testing.assert_allclose(array(backbone.unet.get_submodule(name)(probe)).T, expected, atol=1e-4)


def test_token_rows_read_the_merged_table():
    table, rows = np.random.default_rng(0).standard_normal((6, 3)), np.random.default_rng(1).standard_normal((2, 3))
    module = TokenRows(
        torch.nn.Embedding.from_pretrained(torch.tensor(table)),
        [Token("olis", 4, new=False), Token("<new1>", 6, new=True)],
        torch.tensor(rows),
    )
    ids = [[0, 4, 6], [5, 6, 4]]
    for i, j in np.ndindex(2, 3):
        expected = {4: rows[0], 6: rows[1]}.get(ids[i][j], table[min(ids[i][j], 5)])
        np.testing.assert_array_equal(module(torch.tensor(ids))[i, j].detach().numpy(), expected)


def test_subjects_take_turns_whatever_their_number_of_photos():
    """7 photos of rex, 2 of tom: of 140 rows each has 70; rex's photos are seen 10 times each, tom's 35 times each."""
    samples = tuple(
        Sample(image=f"{name}{i}.png", caption=Caption(noun="dog"), subject=name, role=role)
        for role in ("subject", "class")
        for name, count in (("rex", 7), ("tom", 2))
        for i in range(count)
    )
    batches = Batches(samples, 3, (("subject", 4), ("class", 2)))
    drawn = [row for micro in range(35) for row in batches.rows(micro)]
    for role, each in (("subject", {"rex": 10, "tom": 35}), ("class", {"rex": 5, "tom": 17.5})):
        for name, times in each.items():
            members = [i for i, s in enumerate(samples) if (s.role, s.subject) == (role, name)]
            assert all(abs(drawn.count(i) - times) < 1 for i in members)
    first = [samples[row] for row in batches.rows(0)]
    assert [s.subject for s in first] == ["rex", "tom", "rex", "tom", "rex", "tom"]
    assert [s.role for s in first] == ["subject"] * 4 + ["class"] * 2
    assert batches.per_epoch() == 4  # 14 rows until the seventh photo of rex had its turn
