"""A hub id: what is fetched of a repository as they are, which is a fraction of it, and what is said where that does not do."""

from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch

from staytrue.backbones import SD
from staytrue.errors import BackboneError
from tests.tiny import tiny_sd

HUB_ID = "somebody/stable-diffusion"
# of stable-diffusion-v1-5: five forms of the same weights
WEIGHT_NAMES = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "safety_checker": "model",
}
OTHERS = [
    "README.md",
    "v1-5-pruned.ckpt",
    "v1-5-pruned.safetensors",
    "v1-5-pruned-emaonly.ckpt",
    "v1-5-pruned-emaonly.safetensors",
    "v1-inference.yaml",
    "feature_extractor/preprocessor_config.json",
    "safety_checker/config.json",
    "unet/diffusion_pytorch_model.non_ema.bin",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
]


class Hub:
    """One repository of ``HUB_ID``: has the files of a tiny pipeline, and those that are only listed; remembers what was asked."""

    def __init__(self, home: Path):
        self.whole, self.cache, self.fetched = tiny_sd(home / "whole", size=16), home / "cache", set[str]()
        listed = [f"{part}/{name}{v}.{kind}" for part, name in WEIGHT_NAMES.items()
                  for v in ("", ".fp16") for kind in ("bin", "safetensors")]  # fmt: skip
        self.files = {str(p.relative_to(self.whole)) for p in self.whole.rglob("*") if p.is_file()} | {*listed, *OTHERS}

    def snapshot(self, repository, revision=None, allow_patterns=()):
        """``snapshot_download``, whose patterns are matched so: by fnmatch, where a star goes past slashes."""
        assert repository == HUB_ID
        wanted = {file for file in self.files if any(fnmatch(file, pattern) for pattern in allow_patterns)}
        self.fetched |= wanted
        for file in wanted:
            source, to = self.whole / file.replace(".fp16", ""), self.cache / file
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(source.read_bytes() if source.is_file() else b"")
        return str(self.cache)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    made = Hub(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", made.snapshot)
    return made


def fetched(hub, *suffixes):
    return sorted(file for file in hub.fetched if file.endswith(suffixes))


def test_facts_fetch_small_files_of_the_parts_that_are_read(hub):
    assert SD(path=HUB_ID).facts().resolution_px == 16
    assert {file.partition("/")[0] for file in hub.fetched} == {
        "model_index.json", "scheduler", "tokenizer", "text_encoder", "unet", "vae",
    }  # fmt: skip
    assert not fetched(hub, ".safetensors", ".bin", ".ckpt", ".yaml", ".md")
    assert {"tokenizer/merges.txt", "tokenizer/vocab.json"} <= hub.fetched


def test_loading_fetches_one_form_of_the_weights(hub):
    ours, whole = SD(path=HUB_ID).load(), SD(path=str(hub.whole)).load()
    torch.testing.assert_close(ours.encode_text(["a dog"]), whole.encode_text(["a dog"]))
    assert fetched(hub, ".safetensors", ".bin", ".ckpt") == [
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ]
    assert not any(file.startswith(("safety_checker", "feature_extractor")) for file in hub.fetched)


def test_a_variant_is_fetched_in_place_of_the_plain_weights(hub):
    SD(path=HUB_ID, variant="fp16").load()
    assert fetched(hub, ".safetensors", ".bin", ".ckpt") == [
        "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    ]


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards_are_weights_too(variant):
    from staytrue.backbones.sd_files import weight_files

    named = {None: ["-00001-of-00002"], "fp16": [".fp16-00001-of-00002", "-00001-of-00002.fp16"]}
    for other, tails in named.items():
        for tail in tails:
            shard = f"unet/diffusion_pytorch_model{tail}.safetensors"
            assert any(fnmatch(shard, pattern) for pattern in weight_files("unet", variant)) == (other == variant)


def test_without_safetensors_says_what_to_do(hub):
    hub.files -= {"vae/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"}
    with pytest.raises(BackboneError, match=r"has no vae/diffusion_pytorch_model\.safetensors; .* convert it"):
        SD(path=HUB_ID).load()
    assert not fetched(hub, ".bin")


def test_a_variant_that_is_not_there_is_said(hub):
    hub.files -= {"unet/diffusion_pytorch_model.fp16.safetensors"}
    with pytest.raises(BackboneError, match=r"unet/diffusion_pytorch_model\.fp16\.safetensors; .*variant=null"):
        SD(path=HUB_ID, variant="fp16").load()


@pytest.mark.parametrize("tail", [".fp16", ".fp16-00001-of-00002", "-00001-of-00002.fp16"])
def test_a_folder_that_has_another_variant_alone_says_which(tmp_path, tail):
    folder = tiny_sd(tmp_path / "sd", size=16)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name(f"diffusion_pytorch_model{tail}.safetensors"))
    with pytest.raises(BackboneError, match=r"but a variant of it: set backbone\.variant=fp16"):
        SD(path=str(folder)).load()


def test_a_folder_of_pickles_is_not_loaded(tmp_path):
    folder = tiny_sd(tmp_path / "sd", size=16)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(BackboneError, match="only safetensors are read"):
        SD(path=str(folder)).load()
