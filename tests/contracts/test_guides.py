"""Every guide: off unless it has a weight, stronger with more of it, and nothing to prompts that name no subject."""

import pytest
import torch
from pydantic import ValidationError

from staytrue.backbones import SD
from staytrue.generate import GUIDES, Generate, Request
from staytrue.generate.guides import together
from tests.tiny import tiny_sd


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A trained one, and the untrained one."""
    tuned, base = (SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd") / "tiny"))).load() for _ in range(2))
    with torch.no_grad():
        tuned.unet.conv_out.weight.mul_(1.5)
        tuned.text_encoder.get_input_embeddings().weight[7:].mul_(1.5)
    return tuned, base


@pytest.fixture(params=GUIDES.names())
def guide(request):
    return GUIDES.get(request.param)


def test_is_off_by_default_and_known_to_the_section(guide):
    assert guide().weight == 0
    assert Generate().guides[guide().name] == guide()
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        guide(weight=-1.0)


def test_adds_in_proportion_to_its_weight_where_a_subject_is_named(guide, networks):
    tuned, base = networks
    requests = [
        Request("a olis dog on the beach", 0, (("olis", "dog"),), "a dog on the beach"),
        Request("a dog on the beach", 0),
    ]
    shape = tuned.facts.latent_shape
    latents, t = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0)), torch.tensor(500)

    def added(weight):
        with torch.no_grad():
            return together([guide(weight=weight)], tuned, lambda: base)(requests)(latents, t)

    once, twice = added(1.0), added(2.0)
    assert once.shape == latents.shape
    assert once[0].abs().max() > 1e-5
    assert torch.equal(once[1], torch.zeros(shape))
    torch.testing.assert_close(twice, 2 * once)
