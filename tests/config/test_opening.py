"""What is said before the first stage, and not after hours of drawing."""

import warnings

import pytest

from staytrue.backbones import SD
from staytrue.config import overridden, parse, values_of
from staytrue.errors import ConfigError
from staytrue.opening import check
from staytrue.recipes import RECIPES, recipe
from staytrue.recipes.demo import bundled_subject


def changed(*assignments, name="staytrue"):
    subjects = [bundled_subject("dog6"), bundled_subject("can").model_copy(update={"identifier": "sks"})]
    config = recipe(name, SD()).model_copy(update={"subjects": tuple(subjects)})
    return parse(overridden(values_of(config), assignments))


def warned(*assignments):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(changed(*assignments))
    return [str(one.message) for one in caught]


@pytest.mark.parametrize("shares", ["[0, 1]", "[-0.5, 1]", "[0.9, 0.8]", "[0.5, 1.5]"])
def test_crops_are_within_the_photo(shares):
    with pytest.raises(ConfigError, match=r"train\.crop_range: .*above 0 and up to 1"):
        changed(f"train.crop_range={shares}")


def test_crops_may_be_of_one_size():
    assert changed("train.crop_range=[0.8, 0.8]").train.crop_range == (0.8, 0.8)


@pytest.mark.parametrize("adapter", ["textual_inversion", "cross_attention", "lora", "full"])
def test_each_subject_needs_a_word_that_its_row_starts_as(adapter):
    token = ["train.adapter.token=true"] if adapter in ("lora", "full") else []
    settings = [f"train.adapter.name={adapter}", *token]
    with pytest.raises(ConfigError, match=r"names 1 words \(toy\) for 2 subjects"):
        check(changed(*settings, 'train.adapter.initializers=["toy"]'))
    check(changed(*settings, 'train.adapter.initializers=["toy", "bag"]'))


def test_the_clip_that_selects_is_looked_for(monkeypatch):
    assert not warned("train.select={}")  # the miniature's own
    monkeypatch.setattr("staytrue.encoders.checkpoint._cached", lambda checkpoint: [])
    with pytest.raises(
        ConfigError, match=r"train\.select\.checkpoint: there is no CLIP at /no/such/clip; .*select=null"
    ):
        check(changed("train.select.checkpoint=/no/such/clip"))
    [said] = warned("train.select.checkpoint=openai/clip-vit-base-patch32")
    assert "`hf download openai/clip-vit-base-patch32`" in said
    assert "training will stop there" in said


def test_class_images_that_nothing_reads_are_warned_of():
    off = ("train.objectives.class.weight=0", "train.objectives.subject.objective.name=denoising")
    assert not warned()
    [said] = warned(*off)
    assert "no objective with a weight reads class rows" in said
    [said] = warned(*off, "train.class_rows=0")
    assert "train.class_rows is 0" in said
    assert not warned(*off, "regularize.name=none")
    assert not warned(*off, "train.objectives.subject.objective.rows=all")


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_is_warned_of(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        check(changed(name=name))
