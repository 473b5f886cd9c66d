"""What each purifier does to pixels, by hand."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from staytrue.purify import PURIFIERS
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.median import Median
from staytrue.purify.none import NoPurifier
from staytrue.purify.total_variation import TotalVariation


def noisy(size: int = 64, amplitude: int = 8) -> tuple[Image.Image, Image.Image]:
    """A smooth ramp, and the same with independent Gaussian noise of that standard deviation."""
    ramp = (60 + 120 * np.mgrid[0:size, 0:size][0] / size).astype(int)[..., None].repeat(3, -1)
    noise = np.random.default_rng(0).normal(0, amplitude, (size, size, 3))
    return Image.fromarray(ramp.astype(np.uint8)), Image.fromarray((ramp + noise).round().astype(np.uint8))


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).mean())


def test_none_returns_the_picture_itself() -> None:
    image = noisy()[1]
    assert NoPurifier().purify(image) is image


@pytest.mark.parametrize(
    "purifier", [Jpeg(quality=30), Gaussian(sigma_px=8), Median(window_px=5)], ids=lambda p: p.name
)
def test_a_fine_perturbation_gets_smaller(purifier) -> None:
    clean, perturbed = noisy()
    assert distance(purifier.purify(perturbed), clean) < 0.6 * distance(perturbed, clean)


def test_jpeg_quality_orders_the_loss() -> None:
    image = noisy()[1]
    losses = [distance(Jpeg(quality=q).purify(image), image) for q in (95, 75, 20)]
    assert 0 < losses[0] < losses[1] < losses[2]


def test_jpeg_can_keep_color_at_full_resolution() -> None:
    """Red and blue columns of one pixel blend where color is stored at half resolution."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2, 0], stripes[:, 1::2, 2] = 255, 255
    image = Image.fromarray(stripes)
    full, half = Jpeg(quality=95, subsampling="4:4:4"), Jpeg(quality=95)
    assert distance(full.purify(image), image) < 0.5 * distance(half.purify(image), image)


def test_blur_means_the_same_on_any_camera() -> None:
    """A point spreads over twice the pixels on twice the picture."""

    def spread(size: int) -> float:
        image = Image.new("RGB", (size, size))
        image.paste("white", (size // 2, size // 2, size // 2 + size // 32, size // 2 + size // 32))
        weights = np.asarray(Gaussian(sigma_px=40 / 4).purify(image))[..., 0].astype(float)
        places = np.arange(size)
        mean = (weights.sum(0) * places).sum() / weights.sum()
        return float(np.sqrt((weights.sum(0) * (places - mean) ** 2).sum() / weights.sum()))

    assert spread(1024) == pytest.approx(2 * spread(512), rel=0.05)


def test_median_removes_a_speck_and_keeps_an_edge() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, 20:] = 200
    specked = pixels.copy()
    specked[10, 10] = 255
    assert np.array_equal(np.asarray(Median().purify(Image.fromarray(specked))), pixels)


def test_total_variation_solves_each_channel_alone() -> None:
    """Red stays the same whatever green and blue are."""
    pytest.importorskip("skimage")
    pixels = np.asarray(noisy()[1]).copy()
    before = np.asarray(TotalVariation().purify(Image.fromarray(pixels)))
    pixels[..., 1:] = pixels[::-1, ::-1, 1:]
    after = np.asarray(TotalVariation().purify(Image.fromarray(pixels)))
    assert np.array_equal(before[..., 0], after[..., 0])
    assert not np.array_equal(before[..., 1], after[..., 1])


def test_purifiers_that_the_docs_name_exist() -> None:
    pages = [page.read_text() for page in (Path(__file__).parents[2] / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"purif(?:y|ier)\.name=(\w+)", page)}
    assert {"jpeg", "chain"} <= named <= set(PURIFIERS.names())


@pytest.mark.parametrize(
    "make",
    [lambda: Jpeg(quality=0), lambda: Jpeg(quality=100), lambda: Gaussian(sigma_px=0), lambda: Median(window_px=4)],
)
def test_impossible_settings_are_refused(make) -> None:
    with pytest.raises(ValidationError):
        make()
