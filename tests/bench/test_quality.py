"""Quality by pixels: that each kind of damage is seen, how its scale comes about, and that it needs no other picture."""

import numpy as np
import pytest
from PIL import Image

from staytrue.bench.judge import photos_in
from staytrue.bench.quality import DEGRADED, OPINIONS, PHOTOS_EACH, SEES, calibration, opinions, quality
from staytrue.recipes.demo import bundled_subject


@pytest.mark.parametrize("bad", DEGRADED)
def test_damage_of_every_kind_scores_less_than_the_photo(bad):
    """Of photos that nothing was calibrated on."""
    seen = calibration()
    photos = photos_in(bundled_subject("dog").photos)
    clean, spoiled = quality(photos, seen), quality([bad(photo) for photo in photos], seen)
    assert np.median(clean) > 0.85  # one of five has a background with steps every eight pixels
    assert np.median(spoiled) < 0.45


def test_what_protections_leave_in_pictures_is_seen():
    """Fainter than the noise that the scale is made from: a tenth of its standard deviation costs, and more costs more."""
    photos, rng = photos_in(bundled_subject("dog").photos), np.random.default_rng(0)
    noise = rng.normal(size=(64, 64, 3))
    at = [
        quality(
            [Image.fromarray((np.asarray(p) + s * noise).clip(0, 255).astype(np.uint8)) for p in photos], calibration()
        ).mean()
        for s in (0, 3, 8, 16)
    ]
    assert at == sorted(at, reverse=True)
    assert at[1] - at[2] > 0.1


def test_the_scale_is_made_from_photos_that_are_kept_apart_and_is_made_once():
    seen = calibration()
    assert seen.photos == 10 * PHOTOS_EACH
    assert seen.auc > 0.95  # for the worst told of the four
    assert calibration() is seen
    for k, (of, _) in enumerate(OPINIONS):
        assert of in DEGRADED
        assert seen.good[k] > seen.bad[k]


def test_blindness_to_one_kind_of_damage_is_no_judge_of_quality(monkeypatch):
    """By sharpness alone, noise is an improvement; that the other three kinds are told makes no difference."""
    monkeypatch.setattr("staytrue.bench.quality.OPINIONS", OPINIONS[1:2])
    assert calibration.__wrapped__().auc < SEES


def test_an_even_picture_has_finite_opinions():
    assert np.isfinite(opinions([Image.new("RGB", (64, 64), "gray")])).all()


def test_where_nothing_can_be_told_there_is_no_number():
    seen = calibration()
    blind = type(seen)(seen.good, seen.bad, seen.clean, seen.degraded, 0.7, seen.photos)
    assert np.isnan(quality([Image.new("RGB", (64, 64), "gray")], blind)).all()


def test_every_degradation_keeps_the_size_and_spoils():
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    for bad in DEGRADED:
        spoiled = bad(image)
        assert (spoiled.size, spoiled.mode) == (image.size, "RGB")
        assert np.abs(np.asarray(spoiled).astype(int) - np.asarray(image)).mean() > 3
        assert bad(image).tobytes() == spoiled.tobytes()  # the same every time
