"""Test-time embedding adjustment: worked numbers, which word is compared with which, and what a picture sees of it."""

import math

import pytest
import torch

from staytrue.backbones import SD
from staytrue.generate import TEA, Request, Sampling, draw_with_latents
from staytrue.generate.tea import _aligned, _ids
from tests.tiny import tiny_sd

FEW = {"steps": 2, "guidance": 3.0}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd")))).load()


def test_by_hand():
    """At right angles and half way: 45 degrees. |v| = 2, |c| = 4: length 3 between them, 1.5 x 4 by the paper, 2 as it was."""
    v, c, half = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]]), math.sqrt(0.5)
    for alpha, beta, length in ((0.5, 1.0, 3.0), (1.0, 1.5, 6.0), (0.0, 1.5, 2.0)):
        made = TEA(rotation=0.5, alpha=alpha, beta=beta).adjusted(v, c)
        torch.testing.assert_close(made, length * torch.tensor([[half, half]]))


def test_equal_directions_stay():
    v = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(TEA(alpha=0.0).adjusted(v, 2 * v), v, atol=1e-5, rtol=1e-5)


def test_words_are_compared_with_themselves():
    """start a [olis] teddy bear on end pad: the identifier goes with "bear", what follows with itself one place earlier."""
    ids = [90, 1, 7, 20, 21, 5, 91, 91]
    assert _aligned(ids, [7], [20, 21]) == ([90, 1, 20, 21, 5, 91, 91, 91], [0, 1, 3, 2, 3, 4, 5, 6])
    # alone it gives way to the noun
    assert _aligned([90, 1, 7, 5, 91, 91], [7], [20, 21]) == ([90, 1, 20, 21, 5, 91], [0, 1, 3, 4, 5, 5])
    # an identifier of two tokens, twice
    assert _aligned([90, 7, 8, 20, 7, 8, 20, 91], [7, 8], [20]) == (
        [90, 20, 20, 91, 91, 91, 91, 91],
        [0, 1, 1, 1, 2, 2, 2, 3],
    )
    assert _aligned(ids, [8], [20]) is None
    assert _aligned(ids, [], [20]) is None


def test_ids_of_a_text_are_without_marks(backbone):
    assert _ids(backbone, "olis dog") == backbone.tokenizer("olis dog", add_special_tokens=False).input_ids
    assert _ids(backbone, "") == []


def test_states_before_the_identifier_stay_and_all_after_it_move(backbone):
    states = backbone.encode_text(["a olis dog on grass"])[0]
    made = TEA(rotation=0.2)(backbone, "a olis dog on grass", "olis", "dog", states)
    torch.testing.assert_close(made[:2], states[:2], atol=1e-5, rtol=1e-4)
    assert (made[2:] - states[2:]).abs().amax(dim=1).min() > 1e-3
    whole = TEA(rotation=1.0, alpha=1.0)(backbone, "a olis dog on grass", "olis", "dog", states)
    plain = backbone.encode_text(["a dog on grass"])[0]
    torch.testing.assert_close(whole[[0, 1, 2, 3, 4, 5]], plain[[0, 1, 2, 2, 3, 4]], atol=1e-5, rtol=1e-4)
    assert TEA()(backbone, "a cat", "olis", "dog", states) is states
    assert TEA()(backbone, "a olis dog", "", "", states) is states


def test_token_level_changes_the_row_for_this_prompt_alone(backbone):
    prompt, table = "a olis dog on grass", backbone.text_encoder.get_input_embeddings()
    before = table.weight.detach().clone()
    states = backbone.encode_text([prompt])[0]
    made = TEA(rotation=1.0, alpha=1.0, level="token")(backbone, prompt, "olis", "dog", states)
    as_dog = backbone.encode_text(["a dog dog on grass"])[0]  # turned all the way, the row is the noun's
    torch.testing.assert_close(made, as_dog, atol=1e-5, rtol=1e-4)
    assert torch.equal(table.weight, before)
    assert torch.equal(backbone.encode_text([prompt])[0], states)


def latents(backbone, requests, **changes):
    return torch.stack([latent for _, latent in draw_with_latents(backbone, requests, Sampling(**FEW | changes))])


def test_pictures_that_name_the_subject_change_and_others_do_not(backbone):
    dog = (("olis", "dog"),)
    asked = [Request("a olis dog", 0, dog), Request("a olis dog", 0), Request("a cat", 1, dog)]
    plain, adjusted = latents(backbone, asked), latents(backbone, asked, tea=TEA(rotation=0.5))
    assert (plain[0] - adjusted[0]).abs().max() > 1e-3
    torch.testing.assert_close(plain[1:], adjusted[1:], atol=1e-4, rtol=1e-4)
    alone = latents(backbone, asked[:1], tea=TEA(rotation=0.5))
    torch.testing.assert_close(alone[0], adjusted[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("field", [{"rotation": 0.9}, {"alpha": 0.9}, {"beta": 3.0}, {"level": "token"}])
def test_every_field_has_an_effect(backbone, field):
    states = backbone.encode_text(["a olis dog"])[0]
    base = {
        "beta": 2.0
    }  # the tiny encoder's last norm makes all states of one length, which alpha alone does not change
    before, after = (TEA(**f)(backbone, "a olis dog", "olis", "dog", states) for f in (base, base | field))
    assert (before - after).abs().max() > 1e-4
