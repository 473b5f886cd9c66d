"""Rows, captions, crops and latents: the same function of (seed, number), cached or not."""

from dataclasses import replace

import pytest
import torch

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.objectives import Denoising, SemanticAnchor
from staytrue.train.batches import Batches
from staytrue.train.config import Weighted
from staytrue.train.latents import Crops, EncodedLatents, cached_latents
from staytrue.train.predictor import BackbonePredictor
from staytrue.train.stage import Job, read_samples, step_maker
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small, trained, weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.fixture(scope="module")
def backbone(folder):
    return SD(path=str(folder)).load()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def samples(run):
    return tuple(read_samples(run, [SUBJECT]))


def maker(run, samples, backbone, tmp_path, **changes):
    job = Job(run, small(**changes), (SUBJECT,), samples, SD(), 3, "cpu")
    return step_maker(job, backbone, tmp_path / "latents.safetensors")


def test_each_epoch_shows_every_row_once_in_another_order(samples):
    batches = Batches(samples, 0, (("subject", 2), ("class", 3)))
    seen = [row for micro in range(10) for row in batches.rows(micro)[:2]]
    epochs = [seen[i : i + 5] for i in range(0, 20, 5)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert batches.roles(7) == ["subject"] * 2 + ["class"] * 3
    assert batches.per_epoch() == 3
    assert batches.rows(4) == Batches(samples, 0, (("subject", 2), ("class", 3))).rows(4)
    assert [Batches(samples, 1, batches.per_batch).rows(m) for m in range(4)] != [batches.rows(m) for m in range(4)]


def test_cached_is_uncached_for_every_index(run, samples, backbone, tmp_path):
    crops = Crops(run.root, samples, 16, (0.6, 1.0), variants=3, seed=1)
    assert len(crops.all()) == 5 * 3 + 6
    cached, fresh = cached_latents(crops, backbone, tmp_path / "latents.safetensors"), EncodedLatents(crops, backbone)
    again = cached_latents(crops, backbone, tmp_path / "latents.safetensors")
    for crop in crops.all():
        torch.testing.assert_close(cached.moments([crop]), fresh.moments([crop]), atol=1e-5, rtol=1e-4)
        for made, read in zip(cached.moments([crop]), again.moments([crop]), strict=True):
            assert torch.equal(made, read)
            assert made.stride() == read.stride()  # another memory order takes other kernels: not the same bits
    assert cached.moments([crops.all()[4], crops.all()[0]])[0].shape == (2, 4, 4, 4)
    assert not torch.equal(cached.moments([(0, 0)])[0], cached.moments([(0, 1)])[0])


def test_the_cache_notices_other_crops(run, samples, backbone, tmp_path):
    keys = {
        Crops(run.root, samples, 16, *changed).key()
        for changed in [((0.6, 1.0), 2), ((0.7, 1.0), 2), ((0.6, 1.0), 3), ((0.6, 1.0), 2, 9)]
    }
    assert len(keys) == 4
    assert Crops(run.root, samples[:3], 16).key() != Crops(run.root, samples, 16).key()


def test_center_crop_is_centered_and_nothing_is_mirrored(run, samples):
    import numpy as np
    from PIL import Image

    whole = np.asarray(Image.open(run.root / samples[0].image))
    np.testing.assert_array_equal(np.asarray(Crops(run.root, samples, 22).crop(0, 0)), whole[:, 3:25])


def test_steps_are_a_function_of_their_number(run, samples, backbone, tmp_path):
    changes = {"crop_range": (0.5, 1.0), "adjective_dropout": 0.5}
    one, two = (maker(run, samples, backbone, tmp_path, **changes) for _ in range(2))
    torch.manual_seed(0)
    first = one(3)
    one(2), torch.manual_seed(1)
    second = two(3)
    assert first.texts == second.texts
    assert torch.equal(first.noised.x_t, second.noised.x_t)
    assert torch.equal(first.condition, second.condition)
    assert not torch.equal(first.noised.noise, two(4).noised.noise)
    assert torch.equal(first.generator("mine").get_state(), second.generator("mine").get_state())


def test_cached_and_uncached_steps_agree(run, samples, backbone, tmp_path):
    changes = {"crop_range": (0.5, 1.0)}
    cached = maker(run, samples, backbone, tmp_path, **changes)
    fresh = maker(run, samples, backbone, tmp_path, cache_latents=False, **changes)
    for micro in range(3):
        torch.testing.assert_close(cached(micro).noised.x0, fresh(micro).noised.x0, atol=1e-4, rtol=1e-3)


def test_pixels_prompts_and_roles_stay_in_one_order(run, samples, backbone, tmp_path):
    """The peers' bug: pixels [i, i, c, c] beside texts [i, c, i, c]."""
    make = maker(run, samples, backbone, tmp_path)
    step, rows = make(0), make.batches.rows(0)
    mean, std = make.latents.moments([(row, 0) for row in rows])
    assert step.texts == tuple(samples[row].caption.render() for row in rows)
    assert [("olis" in text) for text in step.texts] == [role == "subject" for role in step.roles]
    assert ((step.noised.x0 - mean).abs() <= 6 * std + 1e-5).all()
    torch.testing.assert_close(step.condition, backbone.encode_text(step.texts), atol=1e-5, rtol=1e-4)


def test_the_posterior_is_drawn_anew_each_time(run, samples, backbone, tmp_path):
    make = maker(run, samples[:1], backbone, tmp_path, batch=1, class_rows=0)
    assert not torch.equal(make(0).noised.x0, make(1).noised.x0)


def test_adjectives_are_dropped_independently(run, samples, backbone, tmp_path):
    make = maker(run, samples, backbone, tmp_path, adjective_dropout=0.5)
    seen = {caption.adjectives for micro in range(30) for caption in make(micro).captions}
    assert seen == {(), ("red",), ("tall",), ("red", "tall")}
    kept = [
        len(caption.adjectives)
        for micro in range(100)
        for caption in make._captions([s.caption for s in samples], micro)
    ]
    assert sum(kept) / len(kept) == pytest.approx(1.0, abs=0.1)
    assert all(len(c.adjectives) == 2 for c in maker(run, samples, backbone, tmp_path)(0).captions)


def test_backgrounds_are_dropped_of_photos_alone(run, samples, backbone, tmp_path):
    """All are on the beach; the captions of photos say so in half of the steps, those of class images always."""
    placed = tuple(replace(s, caption=replace(s.caption, background="on the beach")) for s in samples)
    make = maker(run, placed, backbone, tmp_path, background_dropout=0.5)
    seen = [(role, caption.background) for micro in range(60) for role, caption in _rows(make, micro)]
    of_photos = [background for role, background in seen if role == "subject"]
    assert {background for role, background in seen if role == "class"} == {"on the beach"}
    assert set(of_photos) == {"", "on the beach"}
    assert of_photos.count("") / len(of_photos) == pytest.approx(0.5, abs=0.15)
    again = maker(run, placed, backbone, tmp_path, background_dropout=0.5)
    assert _rows(again, 7) == _rows(make, 7)  # a resumed run drops the same
    assert all("on the beach" in text for text in maker(run, placed, backbone, tmp_path)(0).texts)


def test_a_finished_sentence_keeps_its_background(run, samples, backbone, tmp_path):
    """It is not rendered from slots; an objective that reads those must not be told of another place than the text encoder."""
    text = "a {phrase} on the beach"
    placed = tuple(replace(s, caption=replace(s.caption, background="on the beach", text=text)) for s in samples)
    make = maker(run, placed, backbone, tmp_path, background_dropout=1.0)
    assert {caption.background for _, caption in _rows(make, 0)} == {"on the beach"}


def _rows(make, micro):
    step = make(micro)
    return list(zip(step.roles, step.captions, strict=True))


def test_texts_are_kept_only_where_nothing_upstream_trains(folder):
    for adapter, kept in ((Lora(rank=2), True), (Lora(rank=2, text_encoder=True), False), (Full(token=True), False)):
        backbone = SD(path=str(folder)).load()
        adapter.attach(backbone, ["olis"])
        predictor = BackbonePredictor(backbone, adapter)
        before = predictor.encode_text(["a olis dog", "a dog"])
        with torch.no_grad():
            for tensor in adapter.state(backbone).values():
                tensor.add_(0.5)
        after = predictor.encode_text(["a olis dog", "a dog"])
        assert torch.equal(before, after) == kept
        torch.testing.assert_close(after, backbone.encode_text(["a olis dog", "a dog"]), atol=1e-5, rtol=1e-4)


def test_the_texts_used_last_are_kept_and_none_changes_a_bit(backbone, monkeypatch):
    texts = ["a dog", "a cat", "a dog", "a toy"]
    everything = BackbonePredictor(backbone, Full()).encode_text(texts)
    monkeypatch.setattr("staytrue.train.predictor.KEPT_TEXTS", 2)
    kept = {}
    predictor = BackbonePredictor(backbone, Full(), kept)
    for _ in range(2):
        assert torch.equal(predictor.encode_text(texts), everything)
        assert list(kept) == [(False, "a dog"), (False, "a toy")]


@pytest.mark.parametrize("text_encoder", [False, True])
def test_a_training_that_keeps_one_text_is_the_same(folder, tmp_path, monkeypatch, text_encoder):
    """The rows' texts where the text side stays, the frozen base's where it trains."""
    settings = {
        "adapter": Lora(rank=2, text_encoder=text_encoder),
        "objectives": {"subject": Weighted(objective=Denoising()), "anchor": Weighted(objective=SemanticAnchor())},
        "adjective_dropout": 0.5,
        "steps": 2,
    }
    plain = weights(trained(tmp_path / "plain", folder, **settings))
    monkeypatch.setattr("staytrue.train.predictor.KEPT_TEXTS", 1)
    again = weights(trained(tmp_path / "one", folder, **settings))
    assert all(torch.equal(plain[name], again[name]) for name in plain)
