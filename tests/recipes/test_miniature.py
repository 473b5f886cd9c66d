"""Every recipe trains on the embedded miniature: two steps on a bundled dog, with hardly any class images."""

import math

import pytest
import torch

from staytrue.backbones import SD
from staytrue.config import overridden, parse, values_of
from staytrue.diffusion.noised import Noised
from staytrue.generate.personalized import personalize
from staytrue.pipeline import run
from staytrue.recipes import RECIPES, recipe
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import read_json, read_jsonl

pytestmark = pytest.mark.miniature
DOG = bundled_subject("dog6")
FEW = ["train.steps=2", "train.previews.every=null", "train.batch=1", "inspect.depth=pixels"]
CLASS_IMAGES = ["regularize.count=2", "regularize.sampling.steps=1", "train.class_rows=1"]


@pytest.fixture(scope="module")
def said():
    """What the untrained miniature answers."""
    return answer(SD().load())


@torch.no_grad()
def answer(backbone):
    """The prediction for a fixed latent and prompt of the subject."""
    latent = torch.linspace(-1, 1, math.prod(backbone.facts.latent_shape)).view(1, *backbone.facts.latent_shape)
    one = torch.ones(1)
    noised = Noised(latent, torch.tensor([500]), latent, one, latent, latent, one)
    return backbone.predict(noised, backbone.encode_text(["a olis dog"]))


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains(name, tmp_path, said):
    config = recipe(name, SD())
    settings = FEW + (CLASS_IMAGES if config.regularize.name != "none" else [])
    config = parse(overridden(values_of(config), settings)).model_copy(update={"subjects": (DOG,)})
    here = run(config, tmp_path / "run", device="cpu", until="train", rights=True)

    row = read_jsonl(here.training / "curve.jsonl")[-1]
    terms = config.train.objectives
    assert {term for term in terms if terms[term].weight} == set(terms) & set(row)
    assert all(math.isfinite(row[term]) for term in set(terms) & set(row))
    assert read_json(here.training / "manifest.json")["steps"] == 2
    trained = SD().load()
    personalize(trained, here.model)
    assert not torch.equal(answer(trained), said)
