"""The backbone `sd`: every way in gives the same model, and what is not one is refused in words."""

import json
import shutil

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, StableDiffusionPipeline, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from staytrue.backbones import SD, Backbone
from staytrue.backbones.identity import backbone_identity
from staytrue.backbones.sd_files import CROSS_ATTENTION, FIRST_CONVOLUTION
from staytrue.backbones.sd_tokenizer import add_older_files, with_tokenizer
from staytrue.errors import BackboneError
from tests.backbones.ldm_keys import single_file
from tests.tiny import tiny_sd


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.fixture(scope="module")
def loaded(folder):
    return SD(path=str(folder)).load()


@pytest.fixture(scope="module")
def stock(folder):
    return StableDiffusionPipeline.from_pretrained(folder)


def test_facts_need_no_weights(tmp_path, folder):
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*.safetensors"))
    facts = SD(path=str(copy)).facts()
    assert isinstance(SD(), Backbone)
    assert (facts.resolution_px, facts.latent_shape, facts.prediction) == (16, (4, 4, 4), "epsilon")
    assert not facts.is_miniature
    assert facts.vocabulary is None


def test_a_folder_can_say_what_it_knows(tmp_path, folder):
    copy = shutil.copytree(folder, tmp_path / "copy")
    own = {"title": "Small", "is_miniature": True, "vocabulary": ["a", "dog"], "words": {"colors": ["red"]}}
    (copy / "facts.json").write_text(json.dumps(own))
    backbone = SD(path=str(copy)).load()
    assert (backbone.facts.title, backbone.facts.is_miniature, backbone.facts.words) == (
        "Small",
        True,
        {"colors": ["red"]},
    )
    assert backbone.facts.unknown(["A zebra, a dog.", "zebra"]) == ["zebra"]
    backbone.save(tmp_path / "saved")
    assert SD(path=str(tmp_path / "saved")).facts() == backbone.facts


@pytest.mark.parametrize(("version", "side"), [("0.6.0", 64), ("0.8.0.dev0", 64), ("0.9.0", 32), ("0.42.1", 32)])
def test_the_side_that_early_diffusers_wrote_is_read_as_diffusers_reads_it(tmp_path, folder, version, side):
    """Fine-tunes of 2022 say 32 and are of 512 px: they were trained, and asked for pictures, at 256 px."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    file = copy / "unet" / "config.json"
    written = {"sample_size": 32, "_diffusers_version": version}
    file.write_text(json.dumps(json.loads(file.read_text()) | written))
    assert SD(path=str(copy)).facts().latent_shape == (4, side, side)
    assert StableDiffusionPipeline.from_pretrained(copy).unet.config.sample_size == side


def test_prediction_is_read_and_can_be_set(tmp_path):
    folder = tiny_sd(tmp_path / "v", prediction_type="v_prediction", size=16)
    assert SD(path=str(folder)).load().process.prediction == "v_prediction"
    assert SD(path=str(folder), prediction="epsilon").load().process.prediction == "epsilon"


def test_text_is_encoded_as_the_stock_pipeline_does(loaded, stock):
    ours = loaded.encode_text(["a red dog", "a cat"])
    for text, row in zip(["a red dog", "a cat"], ours, strict=True):
        theirs, _ = stock.encode_prompt(text, "cpu", 1, False)
        torch.testing.assert_close(row, theirs[0])


def test_latents_are_scaled_and_pictures_come_back(loaded, stock):
    pixels = torch.rand(2, 3, 16, 16) * 2 - 1
    mean, std = loaded.encode(pixels)
    assert mean.is_contiguous()
    assert std.is_contiguous()
    with torch.no_grad():
        posterior = stock.vae.encode(pixels).latent_dist
    torch.testing.assert_close(mean, posterior.mean * stock.vae.config.scaling_factor)
    torch.testing.assert_close(std, posterior.std * stock.vae.config.scaling_factor)
    with torch.no_grad():
        torch.testing.assert_close(loaded.decode(mean), stock.vae.decode(posterior.mean).sample)


def test_a_tiny_autoencoder_has_no_spread(loaded):
    from dataclasses import replace

    tiny = replace(loaded, vae=AutoencoderTiny(encoder_block_out_channels=(8,) * 3, decoder_block_out_channels=(8,) * 3,
                                               num_encoder_blocks=(1,) * 3, num_decoder_blocks=(1,) * 3))  # fmt: skip
    mean, std = tiny.encode(torch.rand(2, 3, 16, 16))
    assert mean.shape == (2, 4, 4, 4)
    assert not std.any()


def test_pipelines_share_the_modules(loaded):
    for solver in ("ddim", "dpm++", "euler"):
        pipeline = loaded.pipeline(solver)
        assert pipeline.unet is loaded.unet
        assert getattr(pipeline.scheduler.config, "clip_sample", False) is False


def test_a_saved_model_draws_in_stock_diffusers_as_it_does_here(tmp_path):
    """A config such as PNDM's need not say ``clip_sample``, and DDIM's default then spoils every picture."""
    backbone = SD().load("cpu")
    del backbone.scheduler_config["clip_sample"]
    backbone.save(tmp_path)
    config = StableDiffusionPipeline.from_pretrained(tmp_path).scheduler.config
    assert config.clip_sample is False
    assert "algorithm_type" not in config  # another scheduler's, which some that users change to refuse


def test_everything_is_frozen_after_loading(loaded):
    assert not any(p.requires_grad for m in (loaded.unet, loaded.vae, loaded.text_encoder) for p in m.parameters())


@pytest.mark.parametrize("config_in_metadata", [False, True])
def test_single_file_is_the_folder(tmp_path, folder, stock, loaded, config_in_metadata):
    file = tmp_path / "model.safetensors"
    metadata = {"modelspec.prediction_type": "v"} if config_in_metadata else {"format": "pt"}
    save_file(single_file(stock), file, metadata)
    single = SD(path=str(file), config=str(folder)).load()
    assert single.facts.prediction == ("v_prediction" if config_in_metadata else "epsilon")
    pixels = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(single.encode(pixels), loaded.encode(pixels))
    torch.testing.assert_close(single.encode_text(["a dog"]), loaded.encode_text(["a dog"]))
    noised = loaded.process.noise(torch.randn(1, 4, 4, 4), torch.randn(1, 4, 4, 4), torch.tensor([500]))
    condition = loaded.encode_text(["a dog"])
    with torch.no_grad():
        torch.testing.assert_close(single.predict(noised, condition), loaded.predict(noised, condition))


def test_a_single_file_with_another_noise_schedule_is_another_backbone(tmp_path, folder, stock):
    """It draws other pictures, so class images and a training of the one are not the other's."""
    save_file(single_file(stock), tmp_path / "model.safetensors")
    config = shutil.copytree(folder, tmp_path / "config", ignore=shutil.ignore_patterns("*.safetensors"))
    single = SD(path=str(tmp_path / "model.safetensors"), config=str(config))
    before, schedule = backbone_identity(single), config / "scheduler" / "scheduler_config.json"
    assert backbone_identity(single) == before
    schedule.write_text(json.dumps(json.loads(schedule.read_text()) | {"rescale_betas_zero_snr": True}))
    assert backbone_identity(single) != before


def test_what_a_single_file_became_has_the_published_names(tmp_path, folder, stock):
    """transformers 5.6 took "text_model" out of the module; converters and other programs look for it in the file."""
    save_file(single_file(stock), tmp_path / "model.safetensors")
    single = SD(path=str(tmp_path / "model.safetensors"), config=str(folder)).load()
    single.save(tmp_path / "saved")
    with safe_open(tmp_path / "saved" / "text_encoder" / "model.safetensors", "pt") as file:
        assert all(name.startswith("text_model.") for name in file.keys())  # noqa: SIM118
    again = SD(path=str(tmp_path / "saved")).load()
    assert torch.equal(again.encode_text(["a dog"]), single.encode_text(["a dog"]))


@pytest.mark.parametrize(
    ("shipped", "unet", "text"),
    [("sd1", 859_520_964, 123_060_480), ("sd2", 865_910_724, 340_387_840), ("sd2-v", 865_910_724, 340_387_840)],
)
def test_shipped_configurations_have_the_published_sizes(shipped, unet, text):
    from importlib.resources import files

    root = files("staytrue") / "backbones" / "configs" / shipped
    read = {part: json.loads((root / part / "config.json").read_text()) for part in ("unet", "vae", "text_encoder")}
    with torch.device("meta"):
        models = {
            "unet": UNet2DConditionModel.from_config(read["unet"]),
            "vae": AutoencoderKL.from_config(read["vae"]),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**read["text_encoder"])),
        }
    sizes = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    assert sizes == {"unet": unet, "vae": 83_653_863, "text_encoder": text}


def test_shipped_tokenizer_is_clips(tmp_path):
    """Ids known from CLIP: start 49406, "a" 320, "photo" 1125, "of" 539, "dog" 1929, end 49407."""
    from importlib.resources import as_file, files

    with as_file(files("staytrue") / "backbones" / "configs" / "sd1") as root, with_tokenizer(root) as folder:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    assert len(tokenizer) == 49408
    assert tokenizer("a photo of a dog").input_ids == [49406, 320, 1125, 539, 320, 1929, 49407]


def test_a_saved_model_has_the_tokenizer_that_transformers_4_reads(tmp_path):
    """vocab.json, merges.txt and added_tokens.json; transformers 5 writes none of them. Read here without the one it does."""
    backbone = SD().load("cpu")
    shipped, made = SD().files().folder / "tokenizer", tmp_path / "model" / "tokenizer"
    backbone.tokenizer.add_tokens(["<new1>"])
    backbone.save(tmp_path / "model")
    assert json.loads((made / "vocab.json").read_text()) == json.loads((shipped / "vocab.json").read_text())
    assert (made / "merges.txt").read_text() == (shipped / "merges.txt").read_text()
    assert json.loads((made / "added_tokens.json").read_text()) == {"<new1>": len(backbone.tokenizer) - 1}
    text = "a photo of a <new1> dog, wearing 2 qwx hats in Zürich"
    assert StableDiffusionPipeline.from_pretrained(tmp_path / "model").tokenizer(text) == backbone.tokenizer(text)
    (made / "tokenizer.json").unlink()
    assert CLIPTokenizer.from_pretrained(made)(text) == backbone.tokenizer(text)
    SD().load("cpu").save(tmp_path / "model")
    assert not (made / "added_tokens.json").exists()
    add_older_files(tmp_path)  # another kind of tokenizer's folder
    assert not (tmp_path / "vocab.json").exists()


def fake_file(path, width, inputs=4, metadata=None):
    tensors = {CROSS_ATTENTION: torch.zeros(1, width), FIRST_CONVOLUTION: torch.zeros(1, inputs, 1, 1)}
    save_file(tensors, path, metadata)
    return str(path)


def test_single_files_are_recognized_by_their_header(tmp_path):
    assert SD(path=fake_file(tmp_path / "1.safetensors", 768)).facts().prediction == "epsilon"
    two = fake_file(tmp_path / "2.safetensors", 1024)
    assert SD(path=two, prediction="v_prediction").facts().resolution_px == 768
    assert SD(path=two, prediction="epsilon").facts().resolution_px == 512
    with pytest.raises(BackboneError, match="does not say what it predicts"):
        SD(path=two).facts()


def test_what_is_no_such_model_is_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.ckpt").write_bytes(b"x")
    (tmp_path / "text.safetensors").write_bytes(b"<html>")
    save_file({"lora": torch.zeros(1)}, tmp_path / "lora.safetensors")
    other = shutil.copytree(folder, tmp_path / "xl", ignore=shutil.ignore_patterns("*.safetensors"))
    index = json.loads((other / "model_index.json").read_text())
    (other / "model_index.json").write_text(json.dumps(index | {"_class_name": "StableDiffusionXLPipeline"}))
    lacking = shutil.copytree(folder, tmp_path / "lacking", ignore=shutil.ignore_patterns("vae"))
    cases = {
        "nothing/at/all": "no checkpoint at",
        str(tmp_path / "empty"): "no model_index.json",
        str(tmp_path / "model.ckpt"): "only .safetensors",
        str(tmp_path / "text.safetensors"): "not a readable safetensors",
        str(tmp_path / "lora.safetensors"): "no whole Stable Diffusion",
        fake_file(tmp_path / "inpaint.safetensors", 768, inputs=9): "inpainting",
        str(other): "is a StableDiffusionXLPipeline",
        str(lacking): "lacks vae",
        "nobody/nothing-here": "cannot be fetched",
    }
    for path, message in cases.items():
        with pytest.raises(BackboneError, match=message):
            SD(path=path).facts()


def test_unreadable_weights_are_named(tmp_path, folder):
    broken = shutil.copytree(folder, tmp_path / "broken")
    next((broken / "unet").glob("*.safetensors")).write_bytes(b"half a fi")
    with pytest.raises(BackboneError, match="broken cannot be read"):
        SD(path=str(broken)).load()
