"""What ships: sizes, fingerprints, and that the stock classes of diffusers and transformers load it."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import AutoModel, CLIPTokenizer, ViTModel

ASSETS = Path(__file__).parents[2] / "src" / "staytrue" / "assets"
FOLDERS = ["miniature", "encoders/clip", "judges/clip", "judges/instance"]
MEGABYTE = 1_000_000


def test_weights_are_small_enough_for_a_repository():
    sizes = [file.stat().st_size for file in ASSETS.rglob("*.safetensors")]
    assert max(sizes) <= 15 * MEGABYTE
    assert sum(sizes) <= 40 * MEGABYTE


@pytest.mark.parametrize("folder", FOLDERS)
def test_fingerprints_are_those_of_the_files(folder: str):
    sums = json.loads((ASSETS / folder / "fingerprints.json").read_text())
    assert any(name.endswith(".safetensors") for name in sums)
    for name, expected in sums.items():
        assert hashlib.sha256((ASSETS / folder / name).read_bytes()).hexdigest() == expected, name


def test_the_scheduler_does_not_clip_latents():
    config = json.loads((ASSETS / "miniature" / "scheduler" / "scheduler_config.json").read_text())
    assert config["clip_sample"] is False
    assert config["prediction_type"] == "v_prediction"


def test_the_stock_pipeline_draws_64_px_and_heeds_the_prompt():
    pipe = StableDiffusionPipeline.from_pretrained(ASSETS / "miniature", torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    seeds = [torch.Generator().manual_seed(0) for _ in range(2)]
    texts = ["a dog on a red background", "a dog on a blue background"]
    red, blue = pipe(texts, num_inference_steps=6, guidance_scale=3.0, generator=seeds, output_type="np").images
    assert red.shape == (64, 64, 3)
    corner = (slice(0, 8), slice(0, 8))
    assert (red - blue)[corner][..., 0].mean() > 0.2
    assert (blue - red)[corner][..., 2].mean() > 0.2


@pytest.mark.parametrize("folder", ["encoders/clip", "judges/clip"])
def test_clips_pool_at_the_first_end_token(folder: str):
    model = AutoModel.from_pretrained(ASSETS / folder, dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(ASSETS / folder)
    assert model.config.text_config.eos_token_id == tokenizer.eos_token_id != 2
    short = tokenizer(["a red dog"], return_tensors="pt").input_ids
    long = tokenizer(["a red dog"], padding="max_length", return_tensors="pt").input_ids
    with torch.inference_mode():
        pooled = [model.text_model(input_ids=ids).pooler_output for ids in (short, long)]
    torch.testing.assert_close(*pooled, atol=1e-4, rtol=1e-4)


def test_the_instance_judge_is_a_plain_vit():
    model = ViTModel.from_pretrained(ASSETS / "judges/instance", dtype=torch.float32, add_pooling_layer=False).eval()
    with torch.inference_mode():
        states = model(pixel_values=torch.zeros(1, 3, 64, 64)).last_hidden_state
    assert states.shape[1] == 65
