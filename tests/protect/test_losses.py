"""What each attack raises: worked numbers, gradients down to the pixels, and surrogates that learn through the training loop."""

import pytest
import torch

from staytrue.errors import BackboneError
from staytrue.generate.sampling import Request, Sampling
from staytrue.generate.solver import first_noise, solve
from staytrue.protect import surrogate as module
from staytrue.protect.edit import Edit, edited
from staytrue.protect.glaze import Glaze
from staytrue.protect.photoguard import nearer_latent, target_picture
from staytrue.protect.surrogate import Surrogate, class_images
from staytrue.protect.training import SurrogateTraining
from staytrue.protect.transforms import blur, straight_through, transformed
from staytrue.purify.jpeg import Jpeg
from staytrue.types import Facts
from tests.protect.scenes import make_scene, photos
from tests.tiny import tiny_sd

ROWS = [0, 1, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.fixture
def surrogate(folder):
    return Surrogate(make_scene(folder).fresh(None), make_scene(folder), SurrogateTraining(learning_rate=1e-2))


def test_denoising_by_hand(surrogate):
    """Against a network that answers the target plus 3 everywhere, every row loses 9."""
    backbone, seen = surrogate.backbone, []

    def off_by_three(noised, condition):
        seen.append(noised)
        return noised.target + 3

    backbone.predict = off_by_three
    losses = surrogate.denoising(surrogate.scene.clean, ROWS, 0)
    torch.testing.assert_close(losses, torch.full((3,), 9.0))
    mean, _ = surrogate.encode(surrogate.scene.clean)
    assert (seen[0].x0 - mean).abs().max() > 0  # a draw from the posterior, not its mean


def test_denoising_gives_a_gradient_to_pixels_and_to_nothing_else(surrogate):
    pixels = surrogate.scene.clean.clone().requires_grad_()
    surrogate.denoising(pixels, ROWS, 0)[1].backward()
    reached = pixels.grad.abs().sum(dim=(1, 2, 3)) > 0
    assert reached.tolist() == [False, True, False]  # no row's loss reaches another row
    modules = (surrogate.backbone.unet, surrogate.backbone.text_encoder, surrogate.backbone.vae)
    assert all(p.grad is None for module in modules for p in module.parameters())


def test_the_gradient_is_that_of_finite_differences(surrogate):
    pixels = surrogate.scene.clean.double().float()
    direction = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    asked = pixels.clone().requires_grad_()
    [gradient] = torch.autograd.grad(surrogate.denoising(asked, ROWS, 3).sum(), asked)
    with torch.no_grad():
        ahead, behind = (surrogate.denoising(pixels + s * 1e-2 * direction, ROWS, 3).sum() for s in (1, -1))
    assert float((ahead - behind) / 2e-2) == pytest.approx(float((gradient * direction).sum()), rel=0.02)


def test_a_rows_noise_does_not_depend_on_its_company(surrogate):
    together = surrogate.denoising(surrogate.scene.clean, ROWS, 4)
    alone = surrogate.denoising(surrogate.scene.clean[[2]], [2], 4)
    torch.testing.assert_close(alone, together[[2]], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(surrogate.denoising(surrogate.scene.clean, ROWS, 5), together)
    other = Surrogate(surrogate.backbone, surrogate.scene, surrogate.training, number=1)
    assert not torch.allclose(other.denoising(surrogate.scene.clean, ROWS, 4), together)


def test_a_backbone_without_gradient_is_named(surrogate):
    surrogate.backbone.encode = torch.no_grad()(surrogate.backbone.encode)
    with pytest.raises(BackboneError, match="no gradient"):
        surrogate.encode(surrogate.scene.clean.clone().requires_grad_())


def test_learning_lowers_the_loss_that_attacks_raise_and_freezes_again(surrogate):
    def loss():
        with torch.no_grad():
            return float(
                torch.cat([surrogate.denoising(surrogate.scene.clean, ROWS, 100 + n) for n in range(4)]).mean()
            )

    before = loss()
    surrogate.learn(surrogate.scene.clean, 15)
    assert loss() < 0.9 * before
    assert surrogate.learned == 15
    modules = surrogate.backbone.trainable_modules().values()
    assert not any(p.requires_grad for module in modules for p in module.parameters())
    assert not any(module.training for module in modules)


def test_weights_go_out_and_back(surrogate):
    pixels, kept = surrogate.scene.clean, surrogate.weights()
    before = surrogate.denoising(pixels, ROWS, 0)
    surrogate.learn(pixels, 2)
    assert not torch.allclose(surrogate.denoising(pixels, ROWS, 0), before)
    surrogate.restore(kept)
    assert torch.equal(surrogate.denoising(pixels, ROWS, 0), before)


def test_learning_is_repeatable_and_leaves_the_world_s_chance_alone(folder):
    made = []
    for _ in range(2):
        torch.manual_seed(len(made))  # whatever the process drew before
        state = torch.get_rng_state()
        one = Surrogate(make_scene(folder).fresh(None), make_scene(folder), SurrogateTraining(learning_rate=1e-2))
        one.learn(one.scene.clean, 3)
        assert torch.equal(torch.get_rng_state(), state)
        made.append(one.weights()["denoiser"]["conv_in.weight"])
    assert torch.equal(*made)


def test_every_field_of_the_training_has_an_effect(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(
        module, "class_images", lambda backbone, scene, count: asked.append(count) or photos(count, seed=9)
    )

    def after(**changes):
        one = Surrogate(
            make_scene(folder).fresh(None), make_scene(folder), SurrogateTraining(**{"learning_rate": 1e-2} | changes)
        )
        one.learn(one.scene.clean, 1)
        weights = one.weights()
        return weights["denoiser"]["conv_in.weight"], weights["text_encoder"]

    plain, text = after()
    untouched = make_scene(folder).fresh(None).text_encoder.state_dict()
    assert any(not torch.equal(text[key], untouched[key]) for key in untouched)
    assert all(torch.equal(after(text_encoder=False)[1][key], untouched[key]) for key in untouched)
    for changes in ({"learning_rate": 2e-2}, {"batch": 1}, {"class_images": 1}):
        assert not torch.equal(after(**changes)[0], plain), changes
    assert asked == [1]


def test_the_rate_depends_on_the_size_of_the_model():
    facts = Facts("sd", "t", 64, (4, 8, 8), "epsilon", is_miniature=True)
    assert SurrogateTraining().settings(facts).learning_rate == 1e-4
    assert SurrogateTraining().settings(Facts("sd", "t", 512, (4, 64, 64), "epsilon")).learning_rate == 5e-7


def test_class_images_are_pictures_of_the_class(folder):
    scene = make_scene(folder)
    drawn = class_images(scene.fresh(None), scene, 2)
    assert drawn.shape == (2, 3, 16, 16)
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert not torch.equal(drawn[0], drawn[1])


def test_nearer_latent_by_hand(surrogate):
    """An autoencoder that doubles and shifts pixels: E(x) = 2 x - 1. Gray to white is 1 off in every value: loss -1."""
    surrogate.backbone.encode = lambda pm1: (pm1, torch.zeros_like(pm1))
    white = torch.ones_like(surrogate.scene.clean)
    loss = nearer_latent(surrogate, white)
    torch.testing.assert_close(loss(white * 0.5, ROWS, 0), torch.full((3,), -1.0))
    torch.testing.assert_close(loss(white, ROWS, 0), torch.zeros(3))


def test_a_target_is_a_color_or_a_file(folder, tmp_path):
    from PIL import Image

    from staytrue.errors import ConfigError

    scene = make_scene(folder)
    assert target_picture("white", scene).shape == scene.clean.shape
    torch.testing.assert_close(target_picture("#ff0000", scene)[2, :, 3, 3], torch.tensor([1.0, 0.0, 0.0]))
    Image.new("RGB", (64, 40), "blue").save(tmp_path / "blue.png")
    torch.testing.assert_close(
        target_picture(str(tmp_path / "blue.png"), scene)[0, :, 9, 9], torch.tensor([0.0, 0.0, 1.0])
    )
    with pytest.raises(ConfigError, match="neither a color nor"):
        target_picture("no-such-color", scene)


def test_an_edit_of_pure_noise_is_the_sampler(folder):
    """At strength 1 nearly nothing of x0 is left, and the edit is DDIM of the project's own solver, up to its spacing of times."""
    backbone = make_scene(folder).fresh(None)
    backbone.scheduler_config |= {"timestep_spacing": "linspace", "steps_offset": 0, "set_alpha_to_one": True}
    request = [Request(prompt="a photo of a dog", seed=3)]
    noise = first_noise(request, backbone.facts.latent_shape)
    edit = Edit("a photo of a dog", strength=1.0, steps=16, guidance=2.0)
    with torch.no_grad():
        ours = edited(backbone, torch.zeros_like(noise), noise, edit)
    sampled = solve(backbone, request, Sampling(steps=16, guidance=2.0))
    assert torch.nn.functional.cosine_similarity(ours.flatten(), sampled.flatten(), dim=0) > 0.99
    assert (ours - sampled).square().mean() < 0.1 * sampled.square().mean()


def test_an_edit_by_hand(folder):
    """A network that knows the noise brings x0 back, whatever the steps and the guidance."""
    backbone = make_scene(folder).fresh(None)
    x0, noise = torch.randn(2, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    backbone.predict = lambda noised, condition: noise.repeat(len(noised) // 2, 1, 1, 1)
    for steps, guidance in ((1, 1.0), (3, 1.0), (3, 4.0)):
        torch.testing.assert_close(
            edited(backbone, x0, noise, Edit("a dog", 0.8, steps, guidance)), x0, atol=1e-4, rtol=1e-4
        )


def test_times_of_an_edit_fall_from_its_strength():
    assert Edit("", strength=0.5, steps=4, guidance=1).times() == [500, 375, 250, 125]


def test_a_gradient_passes_the_whole_edit(surrogate):
    pixels = surrogate.scene.clean.clone().requires_grad_()
    x0, _ = surrogate.encode(pixels)
    edited(surrogate.backbone, x0, torch.ones_like(x0), Edit("a dog", 0.5, 3, 3.0)).square().sum().backward()
    assert (pixels.grad.abs().sum(dim=(1, 2, 3)) > 0).all()


def test_a_repainted_photo_stays_a_picture_and_depends_on_every_setting(surrogate):
    plain = Glaze(edit_steps=2).repainted(surrogate)
    assert plain.shape == surrogate.scene.clean.shape
    assert plain.min() >= 0 and plain.max() <= 1
    for changed in (Glaze(edit_steps=3), Glaze(edit_steps=2, strength=0.9), Glaze(edit_steps=2, guidance=1)):
        assert not torch.allclose(changed.repainted(surrogate), plain)
    assert not torch.equal(Glaze(edit_steps=2, style="a red striped").repainted(surrogate), plain)


def test_a_blur_by_hand():
    """Three taps with sigma^2 = 1 / (2 ln 2): weights 1/2, 1, 1/2 over 2; a point of 1 keeps 1/4 in two dimensions."""
    point = torch.zeros(1, 3, 5, 5)
    point[..., 2, 2] = 1
    sigma = (1 / (2 * torch.log(torch.tensor(2.0)))).sqrt().item()
    blurred = blur(point, 3, sigma)[0, 1]
    expected = torch.tensor([[1 / 16, 1 / 8, 1 / 16], [1 / 8, 1 / 4, 1 / 8], [1 / 16, 1 / 8, 1 / 16]])
    torch.testing.assert_close(blurred[1:4, 1:4], expected)
    torch.testing.assert_close(blur(torch.full((1, 3, 8, 8), 0.3), 7, 2.0), torch.full((1, 3, 8, 8), 0.3))


def test_transformations_differ_by_row_and_draw_and_pass_gradients():
    pixels = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.equal(transformed(pixels, (0, ROWS, 0), 0, 0.0), pixels)
    assert torch.equal(transformed(pixels, (0, ROWS, 0), 0, 1.0), pixels.flip(-1))
    draws = [transformed(pixels, (0, ROWS, draw), 7, 0.5) for draw in range(2)]
    assert not torch.equal(*draws)
    alone = transformed(pixels[[1]], (0, [1], 0), 7, 0.5)
    torch.testing.assert_close(alone[0], draws[0][1])
    draws[0].sum().backward()
    assert pixels.grad.abs().sum() > 0


def test_straight_through_is_the_purifier_forward_and_the_identity_backward():
    from staytrue.images.crop import to_images

    pixels = (torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    pixels.requires_grad_()
    seen = straight_through(Jpeg(quality=30).purify)(pixels)
    for row, image in zip(seen, to_images(pixels * 2 - 1), strict=True):
        expected = to_images(row[None] * 2 - 1)[0]
        assert expected.tobytes() == Jpeg(quality=30).purify(image).tobytes()
    weights = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1))
    (seen * weights).sum().backward()
    assert torch.equal(pixels.grad, weights)


def test_a_random_purifier_is_asked_anew_each_time():
    from PIL import Image

    asked = []

    def purify(image):
        asked.append(image)
        return Image.new("RGB", image.size, (len(asked), 0, 0))

    through = straight_through(purify)
    first, second = through(torch.zeros(1, 3, 4, 4)), through(torch.zeros(1, 3, 4, 4))
    assert not torch.equal(first, second)
