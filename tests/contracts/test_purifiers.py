"""Every purifier: pure, same size, RGB, repeatable, quick to list."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from staytrue.purify import PURIFIERS

SETTINGS = {"none": {}, "jpeg": {"quality": 60}, "blur": {"sigma_px": 2.0}, "median": {"window_px": 5}}


@pytest.fixture(params=PURIFIERS.names())
def purifier(request):
    return PURIFIERS.get(request.param)(**SETTINGS[request.param])


def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def test_keeps_size_and_mode_and_its_input(purifier) -> None:
    given = photo()
    cleaned = purifier.purify(given)
    assert cleaned.size == given.size
    assert cleaned.mode == "RGB"
    assert np.array_equal(np.asarray(given), np.asarray(photo()))


def test_same_photo_same_result(purifier) -> None:
    assert np.array_equal(np.asarray(purifier.purify(photo())), np.asarray(purifier.purify(photo())))


def test_every_field_has_an_effect(purifier) -> None:
    """The setting above and the default give different pixels."""
    if SETTINGS[purifier.name]:
        default = PURIFIERS.get(purifier.name)()
        assert not np.array_equal(np.asarray(purifier.purify(photo())), np.asarray(default.purify(photo())))


def test_is_its_own_config(purifier) -> None:
    adapter = TypeAdapter(PURIFIERS.union())
    assert adapter.validate_json(adapter.dump_json(purifier)) == purifier
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": purifier.name, "no_such_field": 1})


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys, staytrue.purify; print([m for m in ('torch', 'diffusers', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
