"""The model card: its code is run as a stranger would run it."""

import ast
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from staytrue.adapters import CrossAttention, Full, Lora, TextualInversion
from staytrue.backbones import SD
from staytrue.generate.personalized import personalize
from staytrue.objectives import Denoising
from staytrue.train.card import Card
from staytrue.train.config import Weighted
from staytrue.train.stage import train_stage
from tests.backbones.ldm_keys import single_file
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.mark.parametrize(
    "adapter", [Full(), Lora(rank=2, token=True), CrossAttention(), TextualInversion()], ids=lambda a: a.name
)
def test_the_code_of_the_card_draws_with_the_personalized_model(folder, tmp_path, adapter):
    check(SD(path=str(folder)), tmp_path / "run", adapter)


@pytest.mark.parametrize("kind", ["single file", "prediction", "variant"])
def test_its_base_is_loaded_as_the_user_asked(folder, tmp_path, kind):
    file, half = tmp_path / "model.safetensors", tmp_path / "half"
    pipeline = SD(path=str(folder)).load().pipeline()
    save_file(single_file(pipeline), file, {"modelspec.prediction_type": "v"})
    pipeline.save_pretrained(half, variant="fp16")
    bases = {
        "single file": SD(path=str(file), config=str(folder)),
        "prediction": SD(path=str(folder), prediction="v_prediction"),
        "variant": SD(path=str(half), variant="fp16", revision="main"),
    }
    code = check(bases[kind], tmp_path / "run", Lora(rank=2, token=True))
    assert ('revision="main", variant="fp16"' in code) == (kind == "variant")


def test_prompts_end_as_the_class_images_captions_did(folder, tmp_path):
    run, ending = make_run(tmp_path / "run"), 'without "zwx" noise'
    changes = {"class_suffix": ending, "noisy": {"suffix": "with zwx noise"}, "steps": 1}
    train_stage(run, small(**changes), [SUBJECT], SD(path=str(folder)), seed=3)
    card = (run.model / "README.md").read_text()
    assert f"end prompts with `{ending}`" in card
    (prompt,) = re.findall(r"pipeline\((\".*\")\)\.images", card)
    assert ast.literal_eval(prompt) == f"a olis dog on the beach {ending}"


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        (Full(), "full"),
        (Full(text_encoder=True), "full, text encoder too"),
        (Lora(token=True), "lora, token row too"),
        (Lora(text_encoder=True, token=True), "lora, text encoder and token row too"),
        (CrossAttention(), "cross_attention, token row too"),
        (TextualInversion(), "textual_inversion"),
    ],
    ids=str,
)
def test_what_was_trained_is_said_and_no_more(folder, adapter, said):
    """Of objectives those with a weight alone."""
    base = SD(path=str(folder))
    terms = {"subject": Weighted(objective=Denoising()), "class": Weighted(weight=0, objective=Denoising(rows="class"))}
    card = Card(base, base.facts(), small(adapter=adapter, objectives=terms), [SUBJECT], seed=3, steps=6).render()
    assert f"| adapter | {said} |" in card
    assert "| objectives | 1 x denoising (subject) |" in card


def check(base, folder, adapter):
    """Runs the card's code: it draws what the personalized model draws, and what the base alone does not."""
    run = make_run(folder)
    train_stage(run, small(adapter=adapter, steps=2, token_learning_rate=0.3), [SUBJECT], base, seed=3)
    (code,) = re.findall(r"```python\n(.*?)```", (run.model / "README.md").read_text(), re.DOTALL)
    told = code.replace("PATH/TO/THIS/FOLDER", str(run.model)).replace(
        " on the beach", '", num_inference_steps=2, generator=noise, output_type="np'
    )
    assert told.count("num_inference_steps") == 1
    scope = {"noise": torch.Generator().manual_seed(0)}
    exec(told, scope)
    assert scope["pipeline"].scheduler.config.prediction_type == base.facts().prediction
    backbone = base.load()
    before, _ = (drawn(backbone), personalize(backbone, run.model))
    np.testing.assert_allclose(scope["image"], drawn(backbone, scope["pipeline"].scheduler), atol=1e-3)
    assert np.abs(before - scope["image"]).max() > 1e-2
    return code


def drawn(backbone, scheduler=None):
    pipeline = backbone.pipeline()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = scheduler or pipeline.scheduler
    generator = torch.Generator().manual_seed(0)
    return pipeline("a olis dog", num_inference_steps=2, generator=generator, output_type="np").images[0]
