"""Noisy copies: subject and noise vary apart, so that words for the one cannot mean the other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from staytrue.backbones import SD
from staytrue.runs import read_json
from staytrue.train.latents import Crops, cached_latents, with_noise
from staytrue.train.noisy import NoisyCopies
from staytrue.train.stage import Job, read_samples, step_maker
from staytrue.types import Caption, Sample
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small, trained, weights

WITH, WITHOUT = "with zwx noise", "without zwx noise"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "run", adjectives=())


def rows(photos: int, images: int) -> list[Sample]:
    made = [Sample(Path(f"{n}.png"), Caption("dog", identifier="olis"), "rex") for n in range(photos)]
    return made + [Sample(Path(f"c{n}.png"), Caption("dog"), "rex", "class") for n in range(images)]


def test_every_photo_comes_clean_and_noisy_and_class_images_as_they_are():
    found = NoisyCopies(suffix=WITH).beside(rows(2, 3), 0)
    told = [(sample.image.stem, bool(sample.noise), sample.caption.suffix) for sample in found]
    photos = [("0", False, ""), ("0", True, WITH), ("1", False, ""), ("1", True, WITH)]
    assert told == [*photos, *((f"c{n}", False, "") for n in range(3))]
    assert [s for s in found if not s.noise] == rows(2, 3)


def test_levels_are_drawn_within_their_bounds_and_by_the_seed():
    copies = NoisyCopies(suffix=WITH, levels=(3, 6))
    levels = [sample.noise for sample in copies.beside(rows(60, 0), 0)][1::2]
    assert set(levels) == {3, 4, 5, 6}
    assert levels == [sample.noise for sample in copies.beside(rows(60, 0), 0)][1::2]
    assert levels != [sample.noise for sample in copies.beside(rows(60, 0), 1)][1::2]


@pytest.mark.parametrize("wrong", [{"levels": (0, 4)}, {"levels": (9, 4)}, {"levels": (4, 256)}, {"suffix": ""}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValidationError):
        NoisyCopies(**{"suffix": WITH} | wrong)


def test_every_value_moves_by_the_levels_within_what_a_picture_holds():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8))
    before, after = (np.asarray(p).astype(int) for p in (picture, with_noise(picture, 9, "a")))
    inside = (before >= 9) & (before <= 246)
    assert (abs(after - before)[inside] == 9).all()
    assert abs(after - before).max() == 9
    assert 0.4 < (after > before)[inside].mean() < 0.6
    assert with_noise(picture, 9, "a").tobytes() == with_noise(picture, 9, "a").tobytes()
    assert with_noise(picture, 9, "b").tobytes() != with_noise(picture, 9, "a").tobytes()


def test_what_is_trained_on_is_the_square_with_noise(run, folder, tmp_path):
    """At the size that the model sees, and encoded apart from the picture without it."""
    samples = tuple(NoisyCopies(suffix=WITH, levels=(7, 7)).beside(read_samples(run, [SUBJECT]), 3))
    crops = Crops(run.root, samples, 16)
    pairs = [(n, n + 1) for n, sample in enumerate(samples[:-1]) if samples[n + 1].image == sample.image]
    assert len(pairs) == sum(sample.role == "subject" for sample in samples) / 2
    for clean, noisy in pairs:
        one, other = (np.asarray(crops.crop(n, 0)).astype(int) for n in (clean, noisy))
        assert abs(one - other).max() == 7
        assert crops.content(clean) != crops.content(noisy)
    latents = cached_latents(crops, SD(path=str(folder)).load(), tmp_path / "latents.safetensors")
    for clean, noisy in pairs:
        assert not torch.allclose(latents.moments([(clean, 0)])[0], latents.moments([(noisy, 0)])[0])
    louder = tuple(NoisyCopies(suffix=WITH, levels=(8, 8)).beside(read_samples(run, [SUBJECT]), 3))
    assert Crops(run.root, louder, 16).key() != crops.key()


def test_captions_say_which_is_which(run, folder):
    train = small(subject_suffix=WITHOUT, class_suffix=WITHOUT, noisy={"suffix": WITH})
    samples = tuple(train.noisy.beside(read_samples(run, [SUBJECT]), 3))
    job = Job(run, train, (SUBJECT,), samples, SD(), 3, "cpu")
    make = step_maker(job, SD(path=str(folder)).load(), run.root / "noisy-latents.safetensors")
    said = set()
    for number in range(12):
        rows_of, step = make.batches.rows(number), make(number)
        for row, text, role in zip(rows_of, step.texts, step.roles, strict=True):
            assert text.endswith(WITH if samples[row].noise else WITHOUT)
            said.add((role, text.endswith(WITH)))
    assert said == {("subject", True), ("subject", False), ("class", False)}


def test_a_run_trains_with_them(folder, tmp_path):
    noisy = trained(tmp_path / "noisy", folder, noisy={"suffix": WITH})
    plain = trained(tmp_path / "plain", folder)
    assert read_json(noisy.training / "manifest.json")["rows"] == 2 * 5 + 6
    assert read_json(plain.training / "manifest.json")["rows"] == 5 + 6
    assert any(not torch.equal(tensor, weights(plain)[name]) for name, tensor in weights(noisy).items())
