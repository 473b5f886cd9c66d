import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Dinov2Config, Dinov2Model

from staytrue.caption.blip import Blip
from staytrue.encoders import clip_judge, dino_judge
from staytrue.encoders.checkpoint import named_weights, weights_identity
from staytrue.encoders.judges import NATIVE
from staytrue.encoders.transform import IMAGENET_MEAN, IMAGENET_STD, Transform
from staytrue.errors import BackboneError
from staytrue.evaluate import METRICS, Dino, Evaluate
from staytrue.regularize.clip_filter import ClipFilter
from staytrue.regularize.structured import Structured
from staytrue.train.select import Select
from staytrue.types import Facts
from tests.encoders.tiny_judges import tiny_clip, tiny_vit


def facts(miniature=False):
    return Facts("sd", "t", 64, (4, 8, 8), "epsilon", is_miniature=miniature)


def picture(seed=0, size=(64, 64)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_stages_tell_other_weights_under_the_same_path(tmp_path, monkeypatch):
    """Whatever names the folder, at whatever depth; hub ids, "auto" and folders without weights are known by their names."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = str(tiny_vit(tmp_path / "structured"))  # what a section's own name is called decides nothing
    sections = [
        Evaluate(metrics={"dino": Dino(judge=folder)}),
        Blip(checkpoint=folder),
        Structured(filter=ClipFilter(checkpoint=folder)),
        Select(checkpoint=folder),
    ]
    before = [named_weights(section, tmp_path) for section in sections]
    assert before == [{"named": {folder: weights_identity(folder)}}] * 4
    assert named_weights(Dino(judge="~/structured"), tmp_path) == {"named": {"~/structured": weights_identity(folder)}}
    tiny_vit(tmp_path / "structured", seed=1)
    assert all(named_weights(section, tmp_path) != before[0] for section in sections)
    assert (
        named_weights([Evaluate(), Structured(), Blip(), Dino(judge=str(tmp_path)), Dino(judge="x" * 5000)], tmp_path)
        == {}
    )
    assert named_weights(None, tmp_path) == {}


def test_auto_is_the_miniatures_judge_for_a_miniature_and_the_literatures_otherwise():
    assert clip_judge("auto", facts()).checkpoint == "openai/clip-vit-base-patch32"
    assert dino_judge("auto", facts()).checkpoint == "facebook/dino-vits16"
    assert clip_judge("auto", facts(True)).checkpoint.endswith("assets/judges/clip")
    assert dino_judge("auto", facts(True)).checkpoint.endswith("assets/judges/instance")
    assert dino_judge("auto", facts(True)).transform == NATIVE


def test_the_literatures_transforms():
    assert str(clip_judge("auto", facts()).transform).startswith("shorter side to 224 px bicubic, center crop 224 px")
    assert str(dino_judge("auto", facts()).transform).startswith("shorter side to 256 px bicubic, center crop 224 px")


def test_transform_by_hand():
    """A gray picture of 128/255: (128/255 - mean) / std in every channel."""
    rows = Transform(4, 8, IMAGENET_MEAN, IMAGENET_STD)([Image.new("RGB", (20, 10), (128, 128, 128))])
    expected = [(128 / 255 - m) / s for m, s in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    assert rows.shape == (1, 3, 4, 4)
    assert torch.allclose(rows[0].flatten(1).mean(1), torch.tensor(expected), atol=1e-5)


def test_the_crop_is_of_the_center():
    image = Image.new("RGB", (30, 10), "black")
    image.paste("white", (10, 0, 20, 10))
    assert Transform(10, 10)([image]).min() == 1


def test_dino_pools_the_class_token(tmp_path):
    judge = dino_judge(str(tiny_vit(tmp_path)), facts()).load()
    images = [picture(0, (80, 64)), picture(1)]
    hidden = judge.model(pixel_values=judge.spec.transform(images)).last_hidden_state
    cosines = torch.nn.functional.cosine_similarity(judge.images(images), hidden[:, 0])
    assert torch.allclose(cosines, torch.ones(2), atol=1e-5)
    assert torch.nn.functional.cosine_similarity(judge.images(images), hidden.mean(1)).max() < 0.999


def test_clip_embeds_pictures_and_texts_with_length_one(tmp_path):
    judge = clip_judge(str(tiny_clip(tmp_path)), facts()).load()
    images, texts = judge.images([picture(0), picture(1)]), judge.texts(["a dog", "a red cat on the beach"])
    assert images.shape == texts.shape == (2, 16)
    assert torch.allclose(torch.cat([images, texts]).norm(dim=-1), torch.ones(4), atol=1e-5)
    assert torch.allclose(judge.texts(["a dog"])[0], texts[0], atol=1e-5)  # padding changes nothing


def test_a_picture_is_encoded_once(tmp_path, monkeypatch):
    judge = dino_judge(str(tiny_vit(tmp_path)), facts()).load()
    calls = []
    forward = judge.model.forward
    monkeypatch.setattr(judge.model, "forward", lambda **k: calls.append(len(k["pixel_values"])) or forward(**k))
    first = judge.images([picture(0), picture(1), picture(0)])
    again = judge.images([picture(1), picture(0)])
    assert calls == [2]
    assert torch.equal(first[[1, 0]], again)
    assert torch.equal(first[0], first[2])


def test_a_judge_names_checkpoint_transform_pooling_and_hash(tmp_path):
    judge = dino_judge(str(tiny_vit(tmp_path)), facts()).load()
    assert judge.sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    for part in (str(tmp_path), "shorter side to 73 px", "center crop 64 px", "class token", judge.sha256[:12]):
        assert part in judge.judge


def test_a_judge_that_cannot_be_had_is_named():
    with pytest.raises(BackboneError, match=r"facebook/dino-vits16.*download it while online"):
        dino_judge("auto", facts()).load()


def test_another_setting_than_the_judges_is_not_recommended():
    with pytest.raises(BackboneError, match=r"protect\.judge=/models/dino-vits16") as error:
        dino_judge("auto", facts(), "protect.judge").load()
    assert "evaluate" not in str(error.value)


def test_a_model_of_another_type_is_refused_with_one_to_name_instead(tmp_path):
    """DINOv2's layer norms have other names: read as a ViT, they would be new."""
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=4, mlp_ratio=4, image_size=64, patch_size=8
    )
    Dinov2Model(config).save_pretrained(tmp_path / "dinov2")
    with pytest.raises(
        BackboneError, match=r"type dinov2 .* vit is .* evaluate\.metrics\.dino\.judge=facebook/dino-vits16"
    ):
        METRICS.get("dino")(judge=str(tmp_path / "dinov2")).encoder(facts()).load()
    with pytest.raises(
        BackboneError, match=r"type vit .* clip or vision-text-dual-encoder is .* openai/clip-vit-base-patch32"
    ):
        clip_judge(str(tiny_vit(tmp_path / "vit")), facts()).load()


@pytest.mark.parametrize("change", ["gone", "narrow"])
def test_weights_that_lack_are_refused(change, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = tiny_vit(tmp_path) / "model.safetensors"
    tensors = load_file(weights)
    last = tensors.pop("layernorm.weight")
    save_file(
        tensors | ({"layernorm.weight": last[:5].clone()} if change == "narrow" else {}), weights, {"format": "pt"}
    )
    with pytest.raises(BackboneError, match=r"lacks 1 weights, .* layernorm\.weight: .* such as facebook/dino-vits16"):
        dino_judge(str(tmp_path), facts()).load()


def test_a_clip_without_its_tokenizer_is_said(tmp_path):
    for file in tiny_clip(tmp_path).glob("*"):
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    with pytest.raises(BackboneError, match="its tokenizer's files are absent"):
        clip_judge(str(tmp_path), facts()).load()


def test_a_file_that_was_cut_is_said(tmp_path):
    torch.save({"weights": torch.zeros(1000)}, tiny_vit(tmp_path) / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes((tmp_path / "pytorch_model.bin").read_bytes()[:2000])
    with pytest.raises(BackboneError, match="cannot be loaded"):
        dino_judge(str(tmp_path), facts()).load()


def test_another_side_than_the_transforms_is_refused(tmp_path):
    tiny_vit(tmp_path, side=32)
    with pytest.raises(BackboneError, match="sees 32 px squares"):
        dino_judge("auto", facts(True)).__class__(str(tmp_path), NATIVE, "t").load()
