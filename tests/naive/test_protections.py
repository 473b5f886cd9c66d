"""The attacks' formulas a second time: NumPy, float64, loops, written from the papers."""

import math

import numpy as np
import pytest
import torch

from staytrue.protect.measure import Mismatch, changed_by
from staytrue.protect.pgd import PGD, normalized, project, quantized
from staytrue.protect.photoguard import nearer_latent
from staytrue.protect.surrogate import Surrogate
from staytrue.protect.transforms import blur
from tests.protect.scenes import make_scene
from tests.tiny import tiny_sd


def naive_project(x, clean, radius):
    """Clamp the difference, then the picture: two steps, as MetaCloak's code has them."""
    made = np.empty_like(x)
    for place in np.ndindex(x.shape):
        difference = min(max(x[place] - clean[place], -radius), radius)
        made[place] = min(max(clean[place] + difference, 0.0), 1.0)
    return made


def naive_direction(gradient, how):
    made = np.zeros_like(gradient)
    for row in range(len(gradient)):
        values = [float(v) for v in gradient[row].ravel()]
        scale = {"l2": math.sqrt(sum(v * v for v in values) / len(values)), "linf": max(abs(v) for v in values)}
        for place in np.ndindex(gradient[row].shape):
            v = gradient[row][place]
            made[row][place] = (v > 0) * 1.0 - (v < 0) * 1.0 if how == "sign" else v / scale[how]
    return made


def naive_pgd(clean, target, radius, step, steps, how):
    """Ascent of -sum (x - target)^2, whose gradient is 2 (target - x)."""
    x = clean.copy()
    for _ in range(steps):
        x = naive_project(x + step * naive_direction(2 * (target - x), how), clean, radius)
    return x


@pytest.mark.parametrize("how", ["sign", "l2", "linf"])
def test_pgd(how):
    rng = np.random.default_rng(0)
    clean, target = rng.random((2, 2, 3, 4, 4))
    here = make_scene(None, clean=torch.tensor(clean), radius=0.1, batch=1)
    goal = torch.tensor(target)
    ours = PGD(steps=4, step=0.03, normalization=how).ascend(
        lambda x, rows, draw: -(x - goal[rows]).square().sum(dim=(1, 2, 3)), here
    )
    np.testing.assert_allclose(ours.numpy(), naive_pgd(clean, target, 0.1, 0.03, 4, how), atol=1e-12)


def test_projection_and_directions():
    rng = np.random.default_rng(1)
    clean, x = rng.random((2, 2, 3, 3, 3)), rng.random((2, 3, 3, 3)) * 3 - 1
    clean = clean[0]
    np.testing.assert_allclose(
        project(torch.tensor(x), torch.tensor(clean), 0.2).numpy(), naive_project(x, clean, 0.2), atol=1e-15
    )
    for how in ("sign", "l2", "linf"):
        np.testing.assert_allclose(normalized(torch.tensor(x), how).numpy(), naive_direction(x, how), atol=1e-12)


def test_rounding():
    rng = np.random.default_rng(2)
    clean = rng.integers(0, 256, (1, 3, 5, 5))
    x = clean / 255 + rng.uniform(-0.2, 0.2, clean.shape)
    ours = quantized(torch.tensor(x), torch.tensor(clean).to(torch.uint8), 7 / 255).numpy()
    for place in np.ndindex(clean.shape):
        c = int(clean[place])
        allowed = range(max(0, c - 7), min(255, c + 7) + 1)
        nearest = min(allowed, key=lambda level: abs(level - 255 * x[place]))
        assert abs(ours[place] - 255 * x[place]) <= abs(nearest - 255 * x[place]) + 1e-9
        assert ours[place] in allowed


def test_the_blur():
    rng = np.random.default_rng(3)
    picture, sigma, side = rng.random((1, 3, 6, 6)), 0.8, 5
    reach = side // 2
    taps = [
        [math.exp(-(u * u + v * v) / (2 * sigma**2)) for v in range(-reach, reach + 1)]
        for u in range(-reach, reach + 1)
    ]
    total = sum(map(sum, taps))
    padded = np.pad(picture, ((0, 0), (0, 0), (reach, reach), (reach, reach)), mode="reflect")
    expected = np.zeros_like(picture)
    for c, y, x in np.ndindex(3, 6, 6):
        expected[0, c, y, x] = (
            sum(taps[u][v] * padded[0, c, y + u, x + v] for u in range(side) for v in range(side)) / total
        )
    np.testing.assert_allclose(blur(torch.tensor(picture), side, sigma).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_the_loss_that_attacks_raise(kind, tmp_path):
    """L = mean (target - prediction)^2 at x_t = sqrt(a) z + sqrt(1 - a) e, z = mean + std n; element by element."""
    scene = make_scene(tiny_sd(tmp_path / kind, prediction_type=kind, size=16))
    surrogate = Surrogate(scene.fresh(None), scene)
    backbone, seen = surrogate.backbone, {}
    answer = torch.randn(3, 4, 4, 4, generator=torch.Generator().manual_seed(0))

    def predict(noised, condition):
        seen["noised"] = noised
        return answer

    backbone.predict = predict
    ours = surrogate.denoising(scene.clean, [0, 1, 2], 0).detach().numpy()
    noised, alphas = seen["noised"], backbone.process.alphas_cumprod.double().numpy()
    for row in range(3):
        a = alphas[int(noised.t[row])]
        z, e, y = (v[row].detach().double().numpy() for v in (noised.x0, noised.noise, answer))
        target = e if kind == "epsilon" else math.sqrt(a) * e - math.sqrt(1 - a) * z
        errors = [(target[p] - y[p]) ** 2 for p in np.ndindex(y.shape)]
        assert float(ours[row]) == pytest.approx(sum(errors) / len(errors), rel=1e-4)
        np.testing.assert_allclose(
            noised.x_t[row].detach(), math.sqrt(a) * z + math.sqrt(1 - a) * e, atol=1e-5
        )  # and that is what the network was shown


def test_the_distance_of_latents(tmp_path):
    scene = make_scene(tiny_sd(tmp_path / "tiny", size=16))
    surrogate = Surrogate(scene.fresh(None), scene)
    target = scene.clean.flip(0)
    ours = nearer_latent(surrogate, target)(scene.clean, [0, 1, 2], 0)
    for row in range(3):
        seen, wanted = (surrogate.encode(p[[row]])[0][0].double().numpy() for p in (scene.clean, target))
        squares = [(seen[p] - wanted[p]) ** 2 for p in np.ndindex(seen.shape)]
        assert float(ours[row]) == pytest.approx(-sum(squares) / len(squares), rel=1e-4, abs=1e-9)


def test_psnr_and_levels():
    from PIL import Image

    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 256, (2, 5, 7, 3)).astype(np.uint8)
    squares, moved = 0.0, []
    for place in np.ndindex(a.shape):
        squares += (float(a[place]) - float(b[place])) ** 2
        moved.append(abs(int(a[place]) - int(b[place])))
    told = changed_by(Image.fromarray(a), Image.fromarray(b))
    assert told["psnr_db"] == pytest.approx(10 * math.log10(255**2 / (squares / a.size)))
    assert told["largest_levels"] == max(moved)
    assert told["mean_levels"] == pytest.approx(sum(moved) / len(moved))
    assert changed_by(Image.fromarray(a), Image.fromarray(a))["psnr_db"] is None


def test_mismatch(monkeypatch):
    """cos 0.25 with the class and 0.24 with noise: noise has 1 / (1 + e) of it."""
    from staytrue.encoders import own
    from staytrue.protect.config import Protect
    from staytrue.protect.measure import mismatches
    from staytrue.types import Facts

    asked = {}

    class Towers:
        """One picture with these two cosines."""

        title = "a CLIP of the test's"

        def load(self):
            return self

        def images(self, pictures):
            return torch.tensor([[1.0, 0.0, 0.0]]).expand(len(pictures), 3)

        def texts(self, texts):
            asked["texts"] = texts
            return torch.tensor([[0.25, 1.0, 0.0], [0.24, 0.0, 1.0]])

    monkeypatch.setattr(own, "own_clip", lambda *_: Towers())
    facts, protect = Facts("sd", "t", 64, (4, 8, 8), "epsilon"), Protect(clip="some/clip")
    told = mismatches([None], [None], "owl", facts, protect)
    [row] = told["before"]
    assert told["after"] == [row]
    assert isinstance(row, Mismatch)
    assert told["clip"] == Towers.title
    assert asked["texts"] == ["a photo of an owl", "a photo of noise"]
    assert row.cosine == pytest.approx(0.25)
    assert row.noise_share == pytest.approx(1 / (1 + math.e), rel=1e-4)
