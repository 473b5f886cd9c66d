"""Every recipe trains on the embedded miniature: two steps on a bundled dog, with hardly any class images."""

import math

import pytest

from staytrue.backbones import SD
from staytrue.config import overridden, parse, values_of
from staytrue.pipeline import run
from staytrue.recipes import RECIPES, recipe
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import read_json, read_jsonl

pytestmark = pytest.mark.miniature
FEW = ["train.steps=2", "train.previews.every=null", "train.batch=1", "inspect.depth=pixels"]
CLASS_IMAGES = ["regularize.count=2", "regularize.sampling.steps=1", "train.class_rows=1"]


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains(name, tmp_path):
    config = recipe(name, SD())
    settings = FEW + (CLASS_IMAGES if config.regularize.name != "none" else [])
    settings += ["purify.steps.1.steps=1"] if config.purify.name == "chain" else []
    config = parse(overridden(values_of(config), settings)).model_copy(update={"subjects": (bundled_subject("dog6"),)})
    here = run(config, tmp_path / "run", device="cpu", until="train", rights=True)

    [row] = read_jsonl(here.training / "curve.jsonl")[-1:]
    active = {name for name, term in config.train.objectives.items() if term.weight}
    assert active <= set(row)
    assert not {"class"} - active & set(row)
    assert all(math.isfinite(row[term]) for term in active)
    manifest = read_json(here.training / "manifest.json")
    assert manifest["steps"] == 2
    assert manifest["trained_parameters"] > 0
    assert (here.model / config.train.adapter.file).exists() or list(here.model.glob("*.safetensors"))
