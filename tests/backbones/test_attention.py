"""Attention to tokens: by hand on a lone layer, and against diffusers' own scores on a whole denoiser."""

import pytest
import torch
from diffusers.models.attention_processor import Attention

from staytrue.backbones import SD
from staytrue.backbones.attention import attention_to_tokens
from tests.tiny import tiny_sd


def test_by_hand():
    """Two places look at two tokens with logits (0, ln 3) and (0, 0): the second token has (3/4 + 1/2) / 2."""
    layer = Attention(query_dim=1, cross_attention_dim=1, heads=1, dim_head=1, bias=False)
    with torch.no_grad():
        layer.to_q.weight.fill_(1.0)
        layer.to_k.weight.fill_(1.0)
    places = torch.tensor([[[torch.log(torch.tensor(3.0))], [0.0]]])
    tokens = torch.tensor([[[0.0], [1.0]]])
    found = attention_to_tokens(layer, lambda: layer(places, encoder_hidden_states=tokens))
    torch.testing.assert_close(found, torch.tensor([[3 / 8, 5 / 8]]))


def test_the_mean_over_all_layers_of_what_diffusers_computes(tmp_path):
    backbone = SD(path=str(tiny_sd(tmp_path / "sd"))).load()
    rows = 2
    size = backbone.facts.latent_shape
    noised = backbone.process.noise(torch.randn(rows, *size), torch.randn(rows, *size), torch.tensor([100, 700]))
    condition = backbone.encode_text(["a dog", "a photo of a cat"])
    expected = []

    class Scores:
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **more):
            if encoder_hidden_states is not None:
                q = attn.head_to_batch_dim(attn.to_q(hidden_states))
                k = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
                expected.append(attn.get_attention_scores(q, k).unflatten(0, (rows, -1)).mean(dim=(1, 2)))
            return self.inner(attn, hidden_states, encoder_hidden_states, attention_mask, **more)

    found = attention_to_tokens(backbone.unet, lambda: backbone.predict(noised, condition))
    backbone.unet.set_attn_processor(Scores(next(iter(backbone.unet.attn_processors.values()))))
    with torch.no_grad():
        backbone.predict(noised, condition)
    torch.testing.assert_close(found, torch.stack(expected).mean(dim=0))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(rows))


def test_nothing_stays_and_nothing_to_see_is_an_error(tmp_path):
    backbone = SD(path=str(tiny_sd(tmp_path / "sd"))).load()
    with pytest.raises(ValueError, match="no cross-attention"):
        attention_to_tokens(backbone.unet, lambda: None)
    assert not any(module._forward_hooks for module in backbone.unet.modules())
