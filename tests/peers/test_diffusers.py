"""Against diffusers: its schedulers' noise and targets, and its pipelines loading what we export."""

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, StableDiffusionPipeline
from diffusers.training_utils import compute_snr

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.flow import Flow
from staytrue.diffusion.weights import min_snr
from tests.tiny import tiny_sd


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def folder(request, tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / request.param, prediction_type=request.param, size=16)


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


@pytest.mark.parametrize(
    "adapter", [Full(text_encoder=True), Full(token=True), Lora(rank=2, alpha=5.0, text_encoder=True), Lora(rank=2)]
)
def test_stock_pipelines_draw_our_pictures(folder, tmp_path, adapter):
    backbone = SD(path=str(folder)).load()
    adapter.attach(backbone, ["olis"])
    with torch.no_grad():
        for tensor in adapter.state(backbone).values():
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1)))
    for module in backbone.trainable_modules().values():
        module.eval()
    adapter.export(backbone, tmp_path)
    if adapter.name == "lora":
        stock = StableDiffusionPipeline.from_pretrained(folder)
        base = picture(stock)
        stock.load_lora_weights(tmp_path)
    else:
        stock = StableDiffusionPipeline.from_pretrained(tmp_path)
        base = picture(StableDiffusionPipeline.from_pretrained(folder))
    stock.scheduler = backbone.pipeline().scheduler
    ours, theirs = picture(backbone.pipeline()), picture(stock)
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)
    assert not torch.allclose(theirs, base, atol=1e-2)


def picture(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline("a olis dog", num_inference_steps=3, output_type="pt", generator=torch.Generator().manual_seed(0))
    return drawn.images
