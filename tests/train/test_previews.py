"""Previews: only the model differs from grid to grid, and the training does not notice them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from staytrue.backbones import SD
from staytrue.generate.sampling import Sampling
from staytrue.recipes import recipe
from staytrue.train.config import Previews
from staytrue.train.previews import PreviewGrids
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, trained, weights

FEW = Previews(every="1 step", prompts=("a {} on the beach",), seeds=(1,), sampling=Sampling(steps=1, guidance=2.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


def drawn(grids, state):
    grids.step(state, {})
    return np.asarray(Image.open(grids.folder / f"step-{state.step:06d}.png")).astype(int)


def test_the_same_weights_draw_the_same_grid_and_others_another(folder, tmp_path):
    state = SimpleNamespace(step=1, backbone=SD(path=str(folder)).load())
    grids = PreviewGrids(FEW, (SUBJECT,), tmp_path)
    first = drawn(grids, state)
    torch.manual_seed(5)  # whatever else draws random numbers meanwhile
    torch.rand(7)
    state.step = 2
    assert np.array_equal(drawn(grids, state), first)
    with torch.no_grad():
        state.backbone.unet.conv_out.weight.mul_(-2)
    state.step = 3
    assert not np.array_equal(drawn(grids, state), first)


def test_they_leave_the_training_as_it_is(folder, tmp_path):
    plain = weights(trained(tmp_path / "plain", folder, steps=3))
    run = trained(tmp_path / "watched", folder, steps=3, previews=FEW)
    watched = weights(run)
    assert len(list((run.training / "previews").glob("step-*.png"))) == 3
    assert plain.keys() == watched.keys()
    assert all(torch.equal(plain[name], watched[name]) for name in plain)


def test_a_prompt_of_a_plural_has_no_article(folder, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "staytrue.train.previews.draw", lambda _, requests, __: asked.extend(requests) or [Image.new("RGB", (8, 8))]
    )
    glasses = SUBJECT.model_copy(update={"class_noun": "sunglasses"})
    PreviewGrids(FEW, (glasses,), tmp_path).step(SimpleNamespace(step=1, backbone=None), {})
    assert [request.prompt for request in asked] == ["olis sunglasses on the beach"]


def test_they_are_asked_as_the_run_s_pictures_will_be(folder):
    config = recipe("contrastive-decoupling", SD(path=str(folder)))
    asked, drawn = config.training().previews, config.generate
    ending = drawn.suffix
    assert ending
    assert asked.prompts == (f"a photo of a {{}} {ending}", f"a {{}} on the beach {ending}")
    assert asked.sampling.negative == drawn.sampling.negative != ""
    written = replace(config.train, previews=replace(config.train.previews, prompts=asked.prompts))
    assert config.model_copy(update={"train": written}).training().previews.prompts == asked.prompts
    own = replace(config.train, previews=replace(FEW, sampling=replace(FEW.sampling, negative="blurry")))
    assert config.model_copy(update={"train": own}).training().previews.sampling.negative == "blurry"
    plain = recipe("dreambooth", SD(path=str(folder)))
    assert plain.training().previews == plain.train.previews
