"""Every purifier: pure, same size, RGB, repeatable whatever came before, quick to list; every field has an effect."""

import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from staytrue.backbones import SD
from staytrue.errors import MissingExtraError
from staytrue.purify import PURIFIERS, ModelPurifier, Purifier, Tools, cleaner
from staytrue.purify.upscale import Upscale
from tests.purify.stand_ins import tiny_enlarger, tiny_restorer, tiny_upscaler
from tests.tiny import tiny_sd

UPSCALE = {"side_px": 16, "steps": 2, "guidance": 2.0}
SETTINGS = {
    "none": lambda home: {},
    "jpeg": lambda home: {"quality": 60},
    "gaussian": lambda home: {"sigma_px": 12.0},
    "median": lambda home: {"window_px": 5},
    "total_variation": lambda home: {"weight": 0.1},
    "resize": lambda home: {"share": 0.3},
    "vae_roundtrip": lambda home: {},
    "diffpure": lambda home: {"steps": 3},
    "gridpure": lambda home: {"rounds": 2, "steps": 1},
    "impress": lambda home: {"steps": 3},
    "restore": lambda home: {"model": str(tiny_enlarger(home / "x2.safetensors"))},
    "upscale": lambda home: {"model": str(tiny_upscaler(home / "x4")), **UPSCALE},
    "code_sr": lambda home: {"upscale": Upscale(model=str(tiny_upscaler(home / "x4")), **UPSCALE)},
    "chain": lambda home: {"steps": [{"name": "jpeg", "quality": 40}, {"name": "vae_roundtrip"}]},
}
OTHER = {
    "jpeg": {"quality": 20, "subsampling": "4:4:4"},
    "gaussian": {"sigma_px": 18.0},
    "median": {"window_px": 3},
    "total_variation": {"weight": 0.02},
    "resize": {"share": 0.6, "filter": "bilinear"},
    "vae_roundtrip": {"rounds": 2},
    "diffpure": {"t": 700, "steps": 2, "prompt": "", "guidance": 3.0},
    "gridpure": {"t": 300, "rounds": 1, "gamma": 0.6, "tile": 1.0, "steps": 3},
    "impress": {"steps": 6, "rate": 0.05, "weight": 200.0, "budget": 0.0, "spread": 0.3},
    "restore": {"model": tiny_restorer, "shrink": False},
    "upscale": {"model": None, "side_px": 32, "prompt": "noise", "steps": 3, "guidance": 6.0, "noise_level": 200},
    "code_sr": {"upscale": {"noise_level": 200}, "faces": None, "fidelity": None},
    "chain": {"steps": [{"name": "jpeg", "quality": 41}]},
}
NOT_IN_PIXELS = {("upscale", "model"), ("code_sr", "faces"), ("code_sr", "fidelity")}  # see test_upscale, test_code_sr
# a budget costs nothing where its weight is too small to see, nor a weight within the budget
TOGETHER = {("impress", "budget"): {"weight": 200.0}, ("impress", "weight"): {"budget": 0.0}}


@pytest.fixture(scope="module")
def tools(tmp_path_factory) -> Tools:
    return Tools(SD(path=str(tiny_sd(tmp_path_factory.mktemp("tiny")))), class_noun="dog")


@pytest.fixture(scope="module", params=PURIFIERS.names())
def purifier(request, tmp_path_factory):
    return PURIFIERS.get(request.param)(**SETTINGS[request.param](tmp_path_factory.mktemp(request.param)))


def photo(seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((64, 48), Image.Resampling.BICUBIC)
    return Image.fromarray((np.asarray(coarse) * 0.9 + rng.integers(0, 24, (48, 64, 3))).astype(np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def test_is_one_of_the_two_kinds(purifier) -> None:
    assert isinstance(purifier, Purifier) != isinstance(purifier, ModelPurifier)


def test_keeps_size_and_mode_and_its_input(purifier, tools: Tools) -> None:
    given = photo()
    cleaned = cleaner(purifier, tools)(given)
    assert (cleaned.size, cleaned.mode) == (given.size, "RGB")
    assert np.array_equal(pixels(given), pixels(photo()))
    assert np.array_equal(pixels(cleaned), pixels(given)) == (purifier.name == "none")


def test_same_photo_same_result_whatever_came_before(purifier, tools: Tools) -> None:
    clean = cleaner(purifier, tools)
    alone = pixels(clean(photo()))
    clean(photo(1))
    assert np.array_equal(alone, pixels(clean(photo())))
    assert np.array_equal(alone, pixels(cleaner(purifier, tools)(photo())))


def test_every_field_has_an_effect(purifier, tools: Tools, tmp_path) -> None:
    """Each field changed alone changes pixels; a field without an entry in ``OTHER`` fails."""
    for field in fields(purifier):
        if field.name == "name" or (purifier.name, field.name) in NOT_IN_PIXELS:
            continue
        value = OTHER[purifier.name][field.name]
        if callable(value):
            value = str(value(tmp_path / "other.safetensors"))
        if field.name == "upscale":
            value = replace(purifier.upscale, **value)
        base = replace(purifier, **TOGETHER.get((purifier.name, field.name), {}))
        before, after = (pixels(cleaner(p, tools)(photo())) for p in (base, replace(base, **{field.name: value})))
        assert not np.array_equal(before, after), field.name


def test_is_its_own_config(purifier) -> None:
    adapter = TypeAdapter(PURIFIERS.union())
    assert adapter.validate_json(adapter.dump_json(purifier)) == purifier
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": purifier.name, "no_such_field": 1})


def test_says_its_source_and_when_it_fails(purifier) -> None:
    says = type(purifier).__doc__
    assert purifier.name == "none" or ("Source:" in says and "Known to fail:" in says)


@pytest.mark.parametrize("name", [n for n in PURIFIERS.names() if n in ("total_variation", "restore")])
def test_a_missing_library_is_named_with_its_extra(name, tools: Tools, tmp_path, monkeypatch) -> None:
    purifier = PURIFIERS.get(name)(**SETTINGS[name](tmp_path))
    for module in ("skimage.restoration", "spandrel"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"staytrue\[restore\]"):
        cleaner(purifier, replace(tools, memory={}))(photo())


def test_listing_imports_nothing_heavy() -> None:
    heavy = ("torch", "diffusers", "transformers", "spandrel", "skimage")
    script = f"import sys, staytrue.purify; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
