"""The model card: its code is run as a stranger would run it."""

import re

import numpy as np
import pytest
import torch

from staytrue.adapters import CrossAttention, Full, Lora, TextualInversion
from staytrue.backbones import SD
from staytrue.generate.personalized import personalize
from staytrue.train.stage import train_stage
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.mark.parametrize(
    "adapter", [Full(), Lora(rank=2, token=True), CrossAttention(), TextualInversion()], ids=lambda a: a.name
)
def test_the_code_of_the_card_draws_with_the_personalized_model(folder, tmp_path, adapter):
    run = make_run(tmp_path / "run")
    train_stage(run, small(adapter=adapter, steps=2, token_learning_rate=0.3), [SUBJECT], SD(path=str(folder)), seed=3)
    (code,) = re.findall(r"```python\n(.*?)```", (run.model / "README.md").read_text(), re.DOTALL)
    told = code.replace("PATH/TO/THIS/FOLDER", str(run.model)).replace(
        " on the beach", '", num_inference_steps=2, generator=noise, output_type="np'
    )
    assert told.count("num_inference_steps") == 1
    scope = {"noise": torch.Generator().manual_seed(0)}
    exec(told, scope)
    backbone = SD(path=str(folder)).load()
    base, _ = (drawn(backbone), personalize(backbone, run.model))
    np.testing.assert_allclose(scope["image"], drawn(backbone, scope["pipeline"].scheduler), atol=1e-3)
    assert np.abs(base - scope["image"]).max() > 1e-2


def drawn(backbone, scheduler=None):
    pipeline = backbone.pipeline()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = scheduler or pipeline.scheduler
    generator = torch.Generator().manual_seed(0)
    return pipeline("a olis dog", num_inference_steps=2, generator=generator, output_type="np").images[0]
