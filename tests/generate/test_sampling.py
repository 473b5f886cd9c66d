import dataclasses

import numpy as np
import pytest
import torch

from staytrue.backbones import SD
from staytrue.backbones.schedulers import scheduler
from staytrue.generate import Request, Sampling, draw, draw_with_latents
from staytrue.generate.sampling import whole_batches
from staytrue.generate.solver import first_noise
from tests.tiny import tiny_sd

PROMPTS = ["a dog on the beach", "a red cat", "a photo of a robot"]
REQUESTS = [Request(prompt, seed) for seed, prompt in enumerate(PROMPTS)]
FEW = Sampling(steps=4, guidance=3.0)


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def backbone(request, tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd"), request.param))).load()


def pixels(images):
    return np.stack([np.asarray(image).astype(int) for image in images])


def drawn(backbone, sampling, requests=REQUESTS):
    return pixels(draw(backbone, requests, sampling))


@pytest.mark.parametrize("solver", ["ddim", "dpm++", "euler"])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_equals_the_stock_pipeline(backbone, solver, guidance):
    pipeline = backbone.pipeline(solver)
    pipeline.set_progress_bar_config(disable=True)
    latents = first_noise(REQUESTS, backbone.facts.latent_shape)
    stock = pipeline(
        PROMPTS,
        negative_prompt=["noise"] * 3,
        num_inference_steps=4,
        guidance_scale=guidance,
        latents=latents,
        output_type="pil",
    ).images
    ours = drawn(backbone, Sampling(steps=4, guidance=guidance, solver=solver, negative="noise"))
    assert np.abs(ours - pixels(stock)).max() <= 1
    assert ours.std() > 1  # not a flat picture, for which anything would agree


def test_first_noise_is_what_stock_pipelines_draw_from_a_seed():
    [noise] = first_noise([Request("", 7)], (4, 8, 8))
    assert torch.equal(noise, torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(7))[0])


@pytest.mark.parametrize(
    ("there", "drawn_again"),
    [("", "abcdefg"), ("abc", "defg"), ("abd", "abcdefg"), ("abcdef", "g"), ("g", "abcdef"), ("abcdefg", "")],
)
def test_whole_batches_by_place(there, drawn_again):
    """Seven pictures in threes: abc def g."""
    assert "".join(whole_batches("abcdefg", 3, lambda one: one not in there)) == drawn_again


def test_a_picture_does_not_depend_on_its_batch(backbone):
    alone = drawn(backbone, Sampling(steps=4, guidance=3.0, batch=1))
    together = drawn(backbone, Sampling(steps=4, guidance=3.0, batch=3))
    backward = drawn(backbone, Sampling(steps=4, guidance=3.0, batch=2), REQUESTS[::-1])[::-1]
    assert np.abs(alone - together).max() <= 1
    assert np.abs(alone - backward).max() <= 1


@pytest.mark.parametrize("field", [{"steps": 5}, {"guidance": 1.5}, {"solver": "dpm++"}, {"negative": "blue toy"}])
def test_every_field_changes_the_latents(backbone, field):
    changed = Sampling(**({"steps": 4, "guidance": 3.0} | field))
    [(_, before)], [(_, after)] = (list(draw_with_latents(backbone, REQUESTS[:1], s)) for s in (FEW, changed))
    assert (before - after).abs().max() > 1e-3


def test_prompt_and_seed_change_the_picture(backbone):
    one, seed, prompt = drawn(backbone, FEW, [Request("a dog", 0), Request("a dog", 1), Request("a blue teapot", 0)])
    assert np.abs(one - seed).max() > 1
    assert np.abs(one - prompt).max() > 0


def test_latents_decode_to_the_pictures_beside_them(backbone):
    for image, latent in draw_with_latents(backbone, REQUESTS, FEW):
        again = backbone.decode(latent[None])[0]
        expected = ((again / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
        assert np.abs(np.asarray(image) - expected).max() <= 1
        assert not latent.is_inference()


def test_training_mode_and_gradients_are_as_before(backbone):
    backbone.unet.train()
    some = backbone.unet.conv_in
    some.training = False
    drawn(backbone, FEW, REQUESTS[:1])
    assert backbone.unet.training
    assert not some.training
    some.training = True
    backbone.unet.eval()
    assert torch.is_grad_enabled()


def test_progress_is_told_of_every_picture(backbone):
    seen = []
    list(draw(backbone, REQUESTS, FEW, lambda request, image: seen.append((request.seed, image.size))))
    assert seen == [(0, (32, 32)), (1, (32, 32)), (2, (32, 32))]


def test_clip_sample_stays_off_even_where_the_checkpoint_does_not_say():
    """Stable Diffusion 1.5 ships a PNDM config, without clip_sample.

    DDIM's own default would clip latents to [-1, 1].
    """
    solver = scheduler("ddim", {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012})
    assert solver.config.clip_sample is False


@pytest.mark.parametrize("name", ["ddim", "dpm++", "euler"])
def test_solvers_take_over_the_checkpoints_schedule(name):
    config = {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "beta_schedule": "scaled_linear"}
    solver = scheduler(name, config)
    assert {key: solver.config[key] for key in config} == config


@pytest.mark.parametrize(
    "shipped",
    [
        {"_class_name": "DEISMultistepScheduler", "algorithm_type": "deis", "solver_type": "logrho"},  # DreamShaper's
        {"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ],
)
def test_a_seed_decides_the_picture_whatever_solver_the_checkpoint_ships(backbone, shipped):
    named = dataclasses.replace(backbone, scheduler_config=backbone.scheduler_config | shipped)
    one, again = (drawn(named, Sampling(steps=4, solver="dpm++"), REQUESTS[:1]) for _ in range(2))
    assert np.array_equal(one, again)
