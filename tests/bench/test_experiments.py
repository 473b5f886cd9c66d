"""The scripts that measure things are still scripts of this code: `make check` looks at their types, and each can be loaded."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageFilter

from benchmarks.experiments import purifiers, resists
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.none import NoPurifier

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_can_be_loaded(script):
    assert callable(runpy.run_path(str(script), run_name="loaded")["main"])


def test_what_a_purifier_wins_is_the_share_of_the_distance_that_it_takes_away(monkeypatch):
    """With the blur of a "protection" to take away: nothing does, and a JPEG of quality 5 adds to it."""
    tried = {"none": NoPurifier(), "jpeg": Jpeg(quality=5)}
    blur = ImageFilter.GaussianBlur(1)
    monkeypatch.setattr(purifiers, "protect_images", lambda _, images, *__: [image.filter(blur) for image in images])
    found = purifiers.measure(["can"], tried, ("random_noise",), 11 / 255)
    nothing, jpeg = found["none"], found["jpeg"]
    assert nothing["clean"]["distance"] == pytest.approx(0, abs=1e-6)
    assert nothing["clean"]["detail_kept"] == 1
    assert nothing["random_noise"]["won"] == 0
    assert jpeg["random_noise"]["won"] < -0.1
    assert jpeg["random_noise"]["won"] == 1 - jpeg["random_noise"]["distance"] / nothing["random_noise"]["distance"]
    assert "| jpeg | -" in purifiers.table(found, ("random_noise",))


def test_what_an_attack_could_cost_is_the_share_of_the_clean_photos_score():
    """Two subjects: clean 0.8 and 0.6, attacked 0.6 and 0.5, so a loss of 0.15 / 0.7 of the photos; given back, nothing."""
    sides = ("photos", "given back")

    def subject(clean: float, attacked: float) -> dict[str, dict[str, dict[str, float]]]:
        averages = {"clean": (clean, clean), "aspl 11/255": (attacked, clean)}
        return {
            k: {s: {"quality": v, "average": v} for s, v in zip(sides, two, strict=True)} for k, two in averages.items()
        }

    rows = resists.means([subject(0.8, 0.6), subject(0.6, 0.5)])
    assert [rows["clean"][side]["loss"] for side in sides] == [0, 0]
    assert rows["aspl 11/255"]["photos"]["loss"] == pytest.approx(0.15 / 0.7, abs=1e-4)
    assert rows["aspl 11/255"]["given back"]["loss"] == 0
    assert "| aspl 11/255 | 0.550 | 21.4% | 0.700 | 0.0% |" in resists.table(rows)


def test_a_perfect_autoencoder_would_give_the_photos_back():
    pictures = [Image.effect_noise((8, 8), 60).convert("RGB") for _ in range(2)]
    same = SimpleNamespace(encode=lambda pixels: (pixels, None), decode=lambda latents: latents)
    assert [p.tobytes() for p in resists.given_back(same, pictures)] == [p.tobytes() for p in pictures]
