"""LoRAs that were trained apart, drawn with together."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from staytrue.adapters import Lora, TextualInversion
from staytrue.adapters.lora import load_loras
from staytrue.backbones import SD
from staytrue.errors import BackboneError, ConfigError
from staytrue.generate import Generate, LoraSource, Sampling
from staytrue.generate.personalized import personalize
from staytrue.generate.stage import generate_stage
from staytrue.images.photos import PhotoRow
from staytrue.runs import RunFolder, read_jsonl, write_json, write_jsonl
from staytrue.types import Picture, Subject
from tests.tiny import tiny_sd

PROMPT = "a {} next to a sks cat"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


def export(folder, to, adapter, identifier, seed):
    backbone = SD(path=str(folder)).load()
    adapter.attach(backbone, [identifier], nouns=["dog"])
    with torch.no_grad():
        for tensor in adapter.state(backbone).values():
            tensor.add_(0.3 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(seed)))
    adapter.export(backbone, to)


@pytest.fixture
def run(folder, tmp_path):
    """A run of a dog, and beside it one of a cat."""
    run = RunFolder(tmp_path / "dog")
    (run.purified / "dog").mkdir(parents=True)
    Image.new("RGB", (16, 16), "red").save(run.purified / "dog" / "00.png")
    write_jsonl(run.purified / "dog" / "photos.jsonl", [PhotoRow("00.png", None, "x", "0")])
    write_json(run.training / "manifest.json", {"key": "trained"})
    export(folder, run.model, Lora(rank=2), "olis", seed=1)
    export(folder, tmp_path / "cat/4-training/model", Lora(rank=3), "sks", seed=2)
    return run


def drawn(run, folder, **settings):
    generate = Generate(prompts=(PROMPT,), images_per_prompt=1, base=False, sampling=Sampling(steps=2), **settings)
    subjects = (Subject(name="dog", photos=run.root, class_noun="dog"),)
    assert generate_stage(run, generate, subjects, SD(path=str(folder)))
    (picture,) = read_jsonl(run.images / "images.jsonl", Picture)
    return np.asarray(Image.open(run.images / picture.file)).astype(int)


def test_every_setting_changes_the_picture_and_weight_0_is_absence(run, folder):
    cat = run.root.parent / "cat"
    alone = drawn(run, folder)
    assert np.abs(alone - drawn(run, folder, loras=(LoraSource(path=cat, weight=0.0),))).max() <= 1
    beside = drawn(run, folder, loras=(LoraSource(path=cat),))
    halved = drawn(run, folder, loras=(LoraSource(path=cat, weight=0.5),))
    softer = drawn(run, folder, loras=(LoraSource(path=cat),), lora_weight=0.2)
    for one, two in ((alone, beside), (beside, halved), (beside, softer)):
        assert np.abs(one - two).max() > 1


def test_at_weight_0_a_token_row_is_absent_too(run, folder, tmp_path):
    """A row is a word: no other weight scales it. What is not there is nobody's rival, and the run's own may be turned off."""
    export(folder, tmp_path / "rows", Lora(rank=2, token=True), "sks", seed=3)
    export(folder, tmp_path / "rival", Lora(rank=2, token=True), "sks", seed=4)
    sources = [LoraSource(path=tmp_path / "rows", weight=weight) for weight in (0.0, 0.5, 1.0)]
    texts = ["a sks cat"]

    def read(*loras, model=run.model, **weights):
        backbone = SD(path=str(folder)).load()
        personalize(backbone, model, loras, **weights)
        return backbone.encode_text(texts)

    plain = read()
    absent, half, whole = (read(source) for source in sources)
    assert torch.equal(absent, plain)
    torch.testing.assert_close(half, whole)
    assert not torch.allclose(whole, plain, atol=1e-2)
    rival = LoraSource(path=tmp_path / "rival", weight=0.0)
    torch.testing.assert_close(read(sources[2], rival), whole)
    assert torch.equal(read(model=tmp_path / "rows", own_weight=0.0), plain)


def test_a_lora_of_the_denoiser_alone_is_no_news(run, folder, caplog):
    """diffusers asks to open an issue about every LoRA without a text encoder; what lacks a denoiser is still said."""
    from diffusers.utils import logging

    logging.enable_propagation()
    try:
        personalize(SD(path=str(folder)).load(), run.model)
        assert "No LoRA keys" not in caplog.text
        backbone = SD(path=str(folder)).load()
        backbone.pipeline().load_lora_into_unet({}, None, backbone.unet)
        assert "No LoRA keys" in caplog.text
    finally:
        logging.disable_propagation()


def test_a_run_its_model_and_its_file_are_one_lora(run, folder):
    model = RunFolder(run.root.parent / "cat").model
    pictures = [drawn(run, folder, loras=(LoraSource(path=p),)) for p in (model.parents[1], model, model / Lora.file)]
    assert all(np.array_equal(pictures[0], other) for other in pictures[1:])


def test_a_lora_that_changed_is_drawn_anew(run, folder):
    cat = run.root.parent / "cat"
    before = drawn(run, folder, loras=(LoraSource(path=cat),))
    export(folder, RunFolder(cat).model, Lora(rank=3), "sks", seed=9)
    assert np.abs(before - drawn(run, folder, loras=(LoraSource(path=cat),))).max() > 1


def saved(folder, *subjects):
    """The settings that a run saves beside its stages."""
    subjects = [{"name": noun, "photos": noun, "class_noun": noun, "identifier": word} for word, noun in subjects]
    write_json(RunFolder(folder).config, {"config": {"subjects": subjects}})


def asked(run):
    return read_jsonl(run.images / "images.jsonl", Picture)[0]


def test_the_other_s_identifier_is_taken_out_of_the_plain_prompt(run, folder):
    """Where its run tells it: the base model does not know the word, and a CLIP would look for it in the picture."""
    cat = run.root.parent / "cat"
    drawn(run, folder, loras=(LoraSource(path=cat),))
    assert asked(run).prompt_plain == "a dog next to a sks cat"
    saved(cat, ("sks", "cat"))
    model = RunFolder(cat).model
    for path in (cat, model, model / Lora.file):
        drawn(run, folder, loras=(LoraSource(path=path),), suffix=f"in {path.name}")  # a suffix, to be drawn anew
        assert asked(run).prompt_plain == "a dog next to a cat"
        assert asked(run).prompt.startswith("a olis dog next to a sks cat")
    drawn(run, folder, loras=(LoraSource(path=cat, weight=0),))
    assert asked(run).prompt_plain == "a dog next to a sks cat"
    write_json(RunFolder(cat).config, {"of": "another program"})
    assert LoraSource(path=cat).subjects() == ()


def test_two_loras_that_call_their_subjects_by_one_word_are_refused(run, folder, tmp_path):
    """Without token rows, too: both would answer to it. At weight 0 a LoRA answers to nothing."""
    dog = Subject(name="dog", photos=run.root, class_noun="dog")
    cat, other = LoraSource(path=tmp_path / "cat"), LoraSource(path=tmp_path / "other")
    export(folder, RunFolder(other.path).model, Lora(rank=2), "sks", seed=3)
    saved(cat.path, ("sks", "cat"))
    assert [one.identifier for one in Generate(loras=(cat, other)).beside([dog])] == ["sks"]
    saved(other.path, ("zwx", "cup"), ("SKS", "toy"))
    with pytest.raises(
        ConfigError, match=r"generate\.loras: .*cat and .*other both call their subject 'SKS'; train one"
    ):
        Generate(loras=(cat, other)).beside([dog])
    saved(cat.path, ("olis", "cat"))
    with pytest.raises(ConfigError, match=r"this run and .*cat both call .* with another --identifier"):
        drawn(run, folder, loras=(cat,))
    absent = LoraSource(path=cat.path, weight=0)
    assert not Generate(loras=(absent,)).beside([dog])
    assert Generate(loras=(cat,), lora_weight=0).beside([dog])


def test_what_cannot_be_composed_is_said(run, folder, tmp_path):
    with pytest.raises(ConfigError, match=r"generate\.loras: no pytorch_lora_weights"):
        LoraSource(path=tmp_path / "nothing").place()
    backbone = SD(path=str(folder)).load()
    export(folder, tmp_path / "a", Lora(rank=2, token=True), "olis", seed=1)
    export(folder, tmp_path / "b", TextualInversion(), "olis", seed=1)
    with pytest.raises(ConfigError, match="both trained the word 'olis'"):
        personalize(backbone, tmp_path / "b", (LoraSource(path=tmp_path / "a"),))
    with pytest.raises(ConfigError, match="has no LoRA to weigh"):
        personalize(backbone, tmp_path / "b", own_weight=0.5)


def test_other_adapters_take_loras_beside_them(run, folder, tmp_path):
    export(folder, tmp_path / "row", TextualInversion(), "olis", seed=1)
    one, two = (SD(path=str(folder)).load() for _ in range(2))
    personalize(one, tmp_path / "row")
    personalize(two, tmp_path / "row", (LoraSource(path=run.root.parent / "cat"),))
    texts = ["a olis dog"]
    torch.testing.assert_close(one.encode_text(texts), two.encode_text(texts))
    x0, noise = torch.randn(2, 1, 4, 4, 4)
    noised = one.process.noise(x0, noise, torch.tensor([500]))
    condition = one.encode_text(texts)
    assert not torch.allclose(one.predict(noised, condition), two.predict(noised, condition), atol=1e-3)


OTHERS = {  # one layer of each
    "flux": ("transformer.single_transformer_blocks.0.attn.to_q", "none of its layers"),
    "xl": ("unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "not found in the base model"),
    "sd2": ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "loading state_dict"),
}


@pytest.mark.parametrize("family", OTHERS)
def test_a_lora_of_another_family_is_named(folder, tmp_path, family):
    """FLUX's loaded nothing, and drawing ended in "Adapter name(s) {'lora_0'} not in the list of present adapters"."""
    layer, said = OTHERS[family]
    file = tmp_path / f"{family}.safetensors"
    save_file({f"{layer}.lora_{side}.weight": torch.ones(3, 3) for side in "AB"}, file)
    with pytest.raises(BackboneError, match=f"the LoRA .*{family}.safetensors cannot be loaded .*{said}"):
        load_loras(SD(path=str(folder)).load(), [(file, 1.0)])
