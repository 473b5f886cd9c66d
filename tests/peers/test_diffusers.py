"""Against diffusers: its schedulers' noise and targets, and its pipelines loading what we export."""

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, StableDiffusionPipeline
from diffusers.training_utils import compute_snr

from staytrue.adapters import CrossAttention, Full, Lora, TextualInversion
from staytrue.adapters.cross_attention import FILE
from staytrue.adapters.lora import load_loras
from staytrue.adapters.token_files import token_files
from staytrue.backbones import SD
from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.diffusion.weights import min_snr
from tests.tiny import tiny_sd


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def folder(request, tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / request.param, prediction_type=request.param, size=16)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "schedule", [{"beta_schedule": "linear"}, {"beta_schedule": "squaredcos_cap_v2"}, {"rescale_betas_zero_snr": True}]
)
def test_ddpm_is_diffusers(prediction, schedule):
    theirs = DDPMScheduler(prediction_type=prediction, **schedule)
    ours = DDPM(theirs.alphas_cumprod, prediction)
    x0, noise, t = torch.randn(5, 4, 3, 3), torch.randn(5, 4, 3, 3), torch.tensor([0, 10, 500, 900, 999])
    noised = ours.noise(x0, noise, t)
    torch.testing.assert_close(noised.x_t, theirs.add_noise(x0, noise, t))
    target = noise if prediction == "epsilon" else theirs.get_velocity(x0, noise, t)
    torch.testing.assert_close(noised.target, target)
    torch.testing.assert_close(noised.snr, compute_snr(theirs, t), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_min_snr_is_the_weight_of_diffusers_scripts(prediction):
    scheduler, t = DDPMScheduler(), torch.arange(0, 1000, 37)
    snr = compute_snr(scheduler, t)
    theirs = torch.stack([snr, 5.0 * torch.ones_like(t)], dim=1).min(dim=1)[0] / (snr + (prediction == "v_prediction"))
    torch.testing.assert_close(min_snr(DDPM(scheduler.alphas_cumprod).snr(t), prediction), theirs, rtol=1e-4, atol=1e-6)


def test_flow_is_diffusers():
    theirs = FlowMatchEulerDiscreteScheduler()
    x0, noise = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 2, 2)
    t = theirs.timesteps[[10, 500, 900]]
    torch.testing.assert_close(Flow().noise(x0, noise, t).x_t, theirs.scale_noise(x0, t, noise))


def test_the_process_follows_the_checkpoints_schedule(folder):
    backbone, stock = SD(path=str(folder)).load(), StableDiffusionPipeline.from_pretrained(folder)
    torch.testing.assert_close(backbone.process.alphas_cumprod, stock.scheduler.alphas_cumprod)
    assert backbone.process.prediction == stock.scheduler.config.prediction_type


ADAPTERS = [
    Full(text_encoder=True),
    Full(token=True),
    Lora(rank=2, alpha=5.0, text_encoder=True),
    Lora(rank=2),
    Lora(rank=2, text_encoder=True, token=True),
    CrossAttention(),
    TextualInversion(),
]


@pytest.mark.parametrize("identifier", ["olis", "<new1>"])
@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
def test_stock_pipelines_draw_our_pictures(tiny, tmp_path, adapter, identifier):
    """Also where the identifier is a word already, which ``load_textual_inversion`` would refuse under its own name."""
    backbone = trained(tiny, adapter, [identifier])
    adapter.export(backbone, tmp_path)
    stock, base = loaded_by_stock(tiny, tmp_path), picture(StableDiffusionPipeline.from_pretrained(tiny))
    stock.scheduler = backbone.pipeline().scheduler
    names = {file.identifier: file.token for file in token_files(tmp_path)}
    ours = picture(backbone.pipeline(), f"a {identifier} dog")
    theirs = picture(stock, f"a {names.get(identifier, identifier)} dog")
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)
    assert not torch.allclose(theirs, base, atol=2e-3)  # ten times what counts as equal


def trained(folder, adapter, identifiers, seed=1):
    """A backbone whose trained tensors are moved at random, ready to draw."""
    backbone = SD(path=str(folder)).load()
    torch.manual_seed(seed)  # a LoRA's first half starts at random
    adapter.attach(backbone, identifiers, nouns=["dog", "cat"][: len(identifiers)])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in adapter.state(backbone).values():
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=generator))
    for module in backbone.trainable_modules().values():
        module.eval()
    return backbone


def loaded_by_stock(folder, export):
    """What the model card tells a stranger to do."""
    if (export / "model_index.json").is_file():
        return StableDiffusionPipeline.from_pretrained(export)
    stock = StableDiffusionPipeline.from_pretrained(folder)
    if (export / "pytorch_lora_weights.safetensors").is_file():
        stock.load_lora_weights(export)
    if (export / FILE).is_file():
        stock.unet.load_attn_procs(export, weight_name=FILE, _pipeline=stock)
    for file in token_files(export):
        stock.load_textual_inversion(export, weight_name=file.path.name)
    return stock


def test_two_subjects_of_one_training_load_in_stock(tiny, tmp_path):
    adapter = CrossAttention(initializers=())
    backbone = trained(tiny, adapter, ["olis", "sks"])
    adapter.export(backbone, tmp_path)
    stock = loaded_by_stock(tiny, tmp_path)
    stock.scheduler = backbone.pipeline().scheduler
    ours = picture(backbone.pipeline(), "a olis dog next to a sks cat")
    torch.testing.assert_close(ours, picture(stock, "a <olis> dog next to a <sks> cat"), atol=2e-4, rtol=1e-3)


def test_load_attn_procs_needs_to_be_told_the_pipeline(tiny, tmp_path):
    """In diffusers 0.42 it sets the processors only inside ``if _pipeline is not None``: without it, nothing happens.

    When this fails, the words in the model card and in docs/5-generate.md can be made simpler.
    """
    backbone = trained(tiny, CrossAttention(), ["olis"])
    CrossAttention().export(backbone, tmp_path)
    stock = StableDiffusionPipeline.from_pretrained(tiny)
    base = picture(stock)
    stock.unet.load_attn_procs(tmp_path, weight_name=FILE)
    assert torch.equal(picture(stock), base)


def test_a_known_word_is_refused_under_its_own_name(tiny):
    """Why exported tokens have brackets: this is what ``load_textual_inversion`` says to a token it knows."""
    stock = StableDiffusionPipeline.from_pretrained(tiny)
    known = next(token for token in stock.tokenizer.get_vocab() if token.isalpha() and len(token) > 2)
    with pytest.raises(ValueError, match="already in tokenizer vocabulary"):
        stock.load_textual_inversion({known: torch.zeros(1, 32)})


@pytest.mark.parametrize("parts", [(False, False), (True, False)])
def test_composed_loras_are_stock_set_adapters(tiny, tmp_path, parts):
    """Two LoRAs, trained apart, side by side with weights; one of them may have a text side and a token row."""
    one, two = Lora(rank=2, text_encoder=parts[0], token=parts[0]), Lora(rank=3, alpha=6.0, text_encoder=parts[1])
    one.export(trained(tiny, one, ["olis"], seed=1), tmp_path / "a")
    two.export(trained(tiny, two, ["sks"], seed=2), tmp_path / "b")
    backbone = SD(path=str(tiny)).load()
    load_loras(backbone, [(tmp_path / "a", 0.7), (tmp_path / "b", 0.4)])
    stock = StableDiffusionPipeline.from_pretrained(tiny)
    stock.load_lora_weights(tmp_path / "a", adapter_name="dog")
    stock.load_lora_weights(tmp_path / "b", adapter_name="cat")
    stock.set_adapters(["dog", "cat"], [0.7, 0.4])
    for file in token_files(tmp_path / "a"):
        stock.load_textual_inversion(tmp_path / "a", weight_name=file.path.name)
    stock.scheduler = backbone.pipeline().scheduler
    word = "<olis>" if parts[0] else "olis"
    ours = picture(backbone.pipeline(), "a olis dog next to a sks cat")
    torch.testing.assert_close(ours, picture(stock, f"a {word} dog next to a sks cat"), atol=2e-4, rtol=1e-3)
    load_loras(again := SD(path=str(tiny)).load(), [(tmp_path / "a", 0.7), (tmp_path / "b", 0.0)])
    assert not torch.allclose(ours, picture(again.pipeline(), "a olis dog next to a sks cat"), atol=1e-3)


def picture(pipeline, prompt="a olis dog"):
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(prompt, num_inference_steps=3, output_type="pt", generator=torch.Generator().manual_seed(0))
    return drawn.images
