"""The scripts that measure things are still scripts of this code: `make check` looks at their types, and each can be loaded."""

import runpy
from pathlib import Path

import pytest
from PIL import ImageFilter

from benchmarks.experiments import purifiers
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.none import NoPurifier

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_can_be_loaded(script):
    assert callable(runpy.run_path(str(script), run_name="loaded")["main"])


def test_what_a_purifier_wins_is_the_share_of_the_distance_that_it_takes_away(monkeypatch):
    """With the blur of a "protection" to take away: nothing does, and a JPEG of quality 5 adds to it."""
    monkeypatch.setattr(purifiers, "PROTECTIONS", ("random_noise",))
    monkeypatch.setattr(purifiers, "PURIFIERS", {"none": NoPurifier(), "jpeg": Jpeg(quality=5)})
    blur = ImageFilter.GaussianBlur(1)
    monkeypatch.setattr(purifiers, "protect_images", lambda _, images, *__: [image.filter(blur) for image in images])
    found = purifiers.measure(["can"])
    nothing, jpeg = found["none"], found["jpeg"]
    assert nothing["clean"]["distance"] == pytest.approx(0, abs=1e-6)
    assert nothing["clean"]["detail_kept"] == 1
    assert nothing["random_noise"]["won"] == 0
    assert jpeg["random_noise"]["won"] < -0.1
    assert jpeg["random_noise"]["won"] == 1 - jpeg["random_noise"]["distance"] / nothing["random_noise"]["distance"]
    assert "| jpeg | -" in purifiers.table(found)
