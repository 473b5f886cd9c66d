"""Every protection: stays in the ball to the last level, repeatable to the byte, stronger than noise, quick to list."""

import re
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from staytrue.protect import PROTECTIONS
from staytrue.protect.measure import control
from staytrue.protect.pgd import quantized
from staytrue.protect.photoguard import nearer_latent, target_picture
from staytrue.protect.radius import levels
from staytrue.protect.surrogate import Surrogate
from staytrue.protect.transforms import straight_through
from tests.protect.scenes import RADIUS, make_scene
from tests.tiny import tiny_sd

FAST = {"steps": 6, "step": "6/255"}
SHORT = {"steps": 3, "step": "6/255"}
LEARN = {"learning_rate": 1e-3, "batch": 1}
SETTINGS = {
    "random_noise": {},
    "fsmg": {"pgd": FAST, "surrogate": LEARN, "surrogate_steps": 1},
    "aspl": {"pgd": SHORT, "surrogate": LEARN, "rounds": 2, "clean_steps": 1, "perturbed_steps": 1},
    "easpl": {"pgd": SHORT, "surrogate": LEARN, "rounds": 2, "clean_steps": 1, "perturbed_steps": 1},
    "advdm": {"pgd": FAST},
    "photoguard": {"pgd": FAST},
    "metacloak": {
        "pgd": SHORT,
        "surrogate": LEARN,
        "trajectory_steps": 2,
        "snapshots": 2,
        "trials": 1,
        "advances": 2,
        "advance_steps": 1,
        "blur_px": 3,
    },
    "glaze": {"pgd": FAST, "edit_steps": 2, "style": "a red painting of"},
    "adaptive": {"pgd": FAST | {"steps": 10}, "purifier": {"name": "jpeg", "quality": 90}},
}
# for each field the smallest setting that is not the one above; what they share is tried on one of them
CHANGES = {
    "random_noise": {"distribution": "uniform"},
    "fsmg": {"pgd": SHORT, "surrogate": {"learning_rate": 1e-2}, "surrogate_steps": 2},
    "aspl": {"rounds": 1, "clean_steps": 0, "perturbed_steps": 0},
    "easpl": {"surrogates": 1, "rounds": 1, "clean_steps": 0, "perturbed_steps": 0},
    "advdm": {"pgd": SHORT},
    "photoguard": {"form": "diffusion", "target": "white"},
    "metacloak": {
        "trajectory_steps": 4,
        "snapshots": 1,
        "trials": 2,
        "advances": 1,
        "advance_steps": 0,
        "blur_px": 0,
        "mirror": 1.0,
    },
    "glaze": {"style": "a striped", "strength": 0.9, "edit_steps": 3, "guidance": 1.0},
    "adaptive": {"purifier": {"name": "gaussian", "sigma_px": 20.0}, "surrogate_steps": 1},
}
DIFFUSION = {"form": "diffusion", "pgd": {"steps": 2}, "edit_steps": 2}


@cache
def folder(tmp):
    return tiny_sd(tmp / "tiny", size=16)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return make_scene(folder(tmp_path_factory.getbasetemp()))


def made(name, **changes):
    assert name in SETTINGS, "a protection without a setting here"
    return TypeAdapter(PROTECTIONS.get(name)).validate_python(SETTINGS[name] | changes)


@pytest.fixture(scope="module")
def attacked(scene):
    """Each protection's pictures, made once for all tests."""
    return cache(lambda name: made(name).perturb(scene))


every = pytest.mark.parametrize("name", PROTECTIONS.names())


def loss_of(name, scene):
    """What the protection raises, on the untouched model and with draws of its own."""
    surrogate = Surrogate(scene.fresh(None), scene, number=7)
    if name in ("photoguard", "glaze"):
        target = (
            target_picture("gray", scene)
            if name == "photoguard"
            else made(name).repainted(Surrogate(scene.fresh(None), scene))
        )
        return lambda pixels: nearer_latent(surrogate, target)(pixels, [0, 1, 2], 0).mean()
    through = straight_through(made(name).purifier.purify) if name == "adaptive" else lambda pixels: pixels

    def denoising(pixels):
        rows = [0, 1, 2]
        return torch.stack([surrogate.denoising(through(pixels), rows, draw).mean() for draw in range(12)]).mean()

    return denoising


@every
def test_stays_within_the_radius_and_is_a_picture(name, scene, attacked):
    x = attacked(name)
    assert x.shape == scene.clean.shape
    assert x.min() >= 0 and x.max() <= 1
    center = (scene.clean * 255).round().to(torch.uint8)
    difference = (quantized(x, center, RADIUS).int() - center.int()).abs()
    assert 1 < difference.max() <= levels(RADIUS)
    assert (difference.amax(dim=(1, 2, 3)) > 1).all()  # every photo is protected


@every
def test_beats_random_noise_of_the_same_radius(name, scene, attacked):
    if name == "random_noise":
        pytest.skip("it is the control")
    with torch.no_grad():
        loss = loss_of(name, scene)
        clean, noise, protected = (float(loss(x)) for x in (scene.clean, control(scene), attacked(name)))
    assert protected > max(clean, noise), (clean, noise, protected)


@every
def test_same_seed_same_bytes_counted_steps_and_an_untouched_input(name, scene, attacked):
    steps = []
    again = made(name).perturb(replace(scene, tick=lambda: steps.append(1)))
    assert again.numpy().tobytes() == attacked(name).numpy().tobytes()
    assert len(steps) == made(name).gradients()
    assert torch.equal(scene.clean, make_scene(None).clean)
    assert not scene.clean.requires_grad


@every
def test_another_seed_draws_other_noise(name, scene, attacked):
    if name == "photoguard":
        pytest.skip("its encoder form draws nothing")
    assert not torch.equal(made(name).perturb(replace(scene, seed=6)), attacked(name))


@pytest.mark.parametrize(("name", "field"), [(name, field) for name, changes in CHANGES.items() for field in changes])
def test_every_field_has_an_effect(name, field, scene, attacked):
    other = made(name, **{field: CHANGES[name][field]}).perturb(scene)
    assert not torch.equal(other, attacked(name))


@pytest.mark.parametrize("field", ["strength", "edit_steps", "guidance"])
def test_every_field_of_the_diffusion_form_has_an_effect(field, scene):
    changed = {"strength": 0.8, "edit_steps": 3, "guidance": 1.0}[field]
    x, other = (made("photoguard", **DIFFUSION | change).perturb(scene) for change in ({}, {field: changed}))
    assert not torch.equal(x, other)


@every
def test_every_field_is_tried(name):
    shared = {"pgd", "surrogate"}  # tried on fsmg
    tried = set(CHANGES[name]) | {"strength", "edit_steps", "guidance"} if name == "photoguard" else set(CHANGES[name])
    untried = {f.name for f in fields(PROTECTIONS.get(name))} - tried - shared - {"name"}
    assert untried <= ({"checkpoints"} if name == "easpl" else set())


def test_a_further_checkpoint_is_a_further_surrogate(scene, attacked, tmp_path):
    second = str(tiny_sd(tmp_path / "second", size=16, seed=1))
    asked = []

    def fresh(path):
        asked.append(path)
        return scene.fresh(path)

    x = made("easpl", checkpoints=(second,), surrogates=1).perturb(replace(scene, fresh=fresh))
    assert asked == [None, second]
    assert not torch.equal(x, attacked("easpl"))


def test_only_surrogates_of_the_backbone_itself_turn_the_text_encoder_around(scene):
    """Two of the backbone, three of checkpoints, which differ by themselves: those learn as the settings say."""
    for told in (True, False):
        learns = LEARN | {"text_encoder": told}
        members = made("easpl", surrogate=learns, checkpoints=("a", "b", "c"))._members(
            replace(scene, fresh=lambda _: scene.fresh(None))
        )
        assert [m.training.text_encoder for m in members] == [told, not told, told, told, told]


@every
def test_documents_itself(name):
    said = " ".join(PROTECTIONS.get(name).__doc__.split())
    for word in ("Reads ", "Returns pictures in the ball", "Source: ", "Known to fail"):
        assert re.search(word, said), word
    assert name == "random_noise" or "iffers" in said or "differ" in said or "ours" in said


@every
def test_is_its_own_config(name):
    adapter = TypeAdapter(PROTECTIONS.union())
    assert adapter.validate_json(adapter.dump_json(made(name))) == made(name)
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": name, "no_such_field": 1})


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys, staytrue.protect; print([m for m in ('torch', 'diffusers', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_control_has_all_the_energy_a_radius_allows(scene):
    moved = np.abs((control(scene) - scene.clean).numpy())
    inside = (scene.clean > RADIUS) & (scene.clean < 1 - RADIUS)
    np.testing.assert_allclose(moved[inside.numpy()], RADIUS, atol=1e-6)
