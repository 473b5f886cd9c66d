"""What training need not encode: class images, which are not cropped, drawn with their latents or encoded for another run."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from staytrue.backbones import SD
from staytrue.images.crop import fit
from staytrue.runs import read_jsonl, write_jsonl
from staytrue.train.crop_store import CropStore, encoder_fingerprint
from staytrue.train.latents import Crops, EncodedLatents, cached_latents
from staytrue.train.stage import Job, read_samples, step_maker
from staytrue.types import Frame, Sample
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small

WHOLE, PART = (1.0, 1.0), (0.5, 0.9)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16))).load()


@pytest.fixture
def run(tmp_path):
    """Class images of the size that is trained on, each with a latent beside it."""
    run = make_run(tmp_path / "runs" / "run")
    rows = read_jsonl(run.regularization / "samples.jsonl", Sample)
    for number, row in enumerate(rows):
        picture = run.root / row.image
        with Image.open(picture) as image:
            fit(image.convert("RGB"), 16).save(picture)
        save_file({"latent": torch.full((4, 4, 4), float(number))}, picture.with_suffix(".safetensors"))
    kept = [replace(row, latent=row.image.with_suffix(".safetensors")) for row in rows]
    write_jsonl(run.regularization / "samples.jsonl", kept)
    return run


@pytest.fixture
def samples(run):
    return tuple(read_samples(run, [SUBJECT]))


class Counting:
    """A backbone that counts the pictures it encodes."""

    def __init__(self, backbone):
        self.backbone, self.count, self.device, self.vae = backbone, 0, backbone.device, backbone.vae

    def encode(self, pixels):
        self.count += len(pixels)
        return self.backbone.encode(pixels)


def test_whole_class_images_are_not_encoded(run, samples, backbone, tmp_path):
    counting = Counting(backbone)
    crops = Crops(run.root, samples, 16, stored=True)
    cached = cached_latents(crops, counting, tmp_path / "latents.safetensors")
    assert counting.count == 5  # the photos
    mean, std = cached.moments([(5, 0), (7, 0)])
    assert torch.equal(mean, torch.stack([torch.zeros(4, 4, 4), torch.full((4, 4, 4), 2.0)]))
    assert not std.any()
    fresh = EncodedLatents(crops, counting)
    for crop in crops.all():
        for made, kept in zip(fresh.moments([crop]), cached.moments([crop]), strict=True):
            torch.testing.assert_close(made, kept, atol=1e-5, rtol=1e-4)


def test_only_where_it_is_asked_for_and_the_size_is_right(run, samples, backbone, tmp_path):
    for crops in (
        Crops(run.root, samples, 16),
        Crops(run.root, samples, 8, stored=True),
        Crops(run.root, tuple(replace(s, latent=None) for s in samples), 16, stored=True),
    ):
        assert not any(crops.latent(index) for index in range(len(samples)))
    for part in (WHOLE, PART):
        crops = Crops(run.root, samples, 16, part, stored=True)
        assert [bool(crops.latent(i)) for i in range(11)] == [False] * 5 + [True] * 6
    assert Crops(run.root, samples, 16, stored=True).key() != Crops(run.root, samples, 16).key()


@pytest.mark.parametrize("field", [True, False])
def test_the_field(run, samples, backbone, tmp_path, field):
    job = Job(run, small(stored_latents=field), (SUBJECT,), samples, SD(), 3, "cpu")
    make = step_maker(job, backbone, tmp_path / "latents.safetensors")
    mean, _ = make.latents.moments([(6, 0)])
    assert torch.equal(mean, torch.ones(1, 4, 4, 4)) is field


def test_class_images_are_encoded_once_for_all_runs(run, samples, backbone, tmp_path):
    """A second run with fewer photos and another folder encodes its photos only, and reads the very same numbers."""
    counting, shared = Counting(backbone), CropStore(tmp_path / "crops", encoder_fingerprint(backbone))
    one = cached_latents(Crops(run.root, samples, 16, PART, 2), counting, tmp_path / "1.safetensors", shared)
    assert counting.count == 5 * 2 + 6
    fewer = samples[3:]
    counting.count = 0
    two = cached_latents(Crops(run.root, fewer, 16, PART, 2), counting, tmp_path / "2.safetensors", shared)
    assert counting.count == 2 * 2
    for class_row in range(6):
        for first, second in zip(one.moments([(5 + class_row, 0)]), two.moments([(2 + class_row, 0)]), strict=True):
            assert torch.equal(first, second)


@pytest.mark.parametrize("change", ["size", "encoder", "picture"])
def test_kept_crops_are_told_apart(run, samples, backbone, tmp_path, change):
    counting, name = Counting(backbone), encoder_fingerprint(backbone)
    shared = CropStore(tmp_path / "crops", name)
    cached_latents(Crops(run.root, samples, 16, PART), counting, tmp_path / "1.safetensors", shared)
    counting.count = 0
    if change == "encoder":
        shared = CropStore(tmp_path / "crops", "another")
    if change == "picture":
        Image.new("RGB", (16, 16), "red").save(run.root / samples[5].image)
    crops = Crops(run.root, samples, 24 if change == "size" else 16, PART)
    cached_latents(crops, counting, tmp_path / "2.safetensors", shared)
    assert counting.count > 5


def test_class_images_are_not_cropped_so_no_crop_setting_encodes_them_anew(run, samples, backbone, tmp_path):
    counting, shared = Counting(backbone), CropStore(tmp_path / "crops", encoder_fingerprint(backbone))
    for number, settings in enumerate([{}, {"crop_range": PART}, {"crop_range": PART, "seed": 9}]):
        crops = Crops(run.root, samples, 16, **settings)
        counting.count = 0
        cached_latents(crops, counting, tmp_path / f"{number}.safetensors", shared)
        assert counting.count == (5 if number else 5 + 6)
        assert all(crops.box(index, 0) == (0, 0, 16, 16) for index in range(5, 11))


def test_a_broken_kept_crop_is_made_anew(run, samples, backbone, tmp_path):
    shared = CropStore(tmp_path / "crops", "e")
    crops = Crops(run.root, samples, 16, PART)
    one = cached_latents(crops, backbone, tmp_path / "1.safetensors", shared)
    [file] = (tmp_path / "crops").iterdir()
    file.write_bytes(b"half")
    two = cached_latents(crops, backbone, tmp_path / "2.safetensors", shared)
    assert torch.equal(one.mean, two.mean)
    assert load_file(file)["mean"].shape == (6, 4, 4, 4)


def test_the_photos_are_in_no_shared_folder(run, samples, backbone, tmp_path):
    shared = CropStore(tmp_path / "crops", "e")
    only = samples[:5]
    cached_latents(Crops(run.root, only, 16, PART), backbone, tmp_path / "1.safetensors", shared)
    assert not (tmp_path / "crops").exists()


def test_encoders_are_told_apart(backbone, tmp_path):
    other = SD(path=str(tiny_sd(tmp_path / "other", size=16, seed=1))).load()
    assert encoder_fingerprint(backbone) != encoder_fingerprint(other)
    before = encoder_fingerprint(other)
    with torch.no_grad():
        other.vae.decoder.conv_in.weight.add_(1)
    assert encoder_fingerprint(other) == before
    with torch.no_grad():
        other.vae.encoder.conv_in.weight[0, 0, 0, 0] += 1
    assert encoder_fingerprint(other) != before


def test_frames_by_hand(run, samples, backbone, monkeypatch):
    """A 20 px square at (4, 1) of a photo of 28 x 22, trained on at 40 px: enlarged twice, 56 x 44, at (8, 2)."""
    monkeypatch.setattr(Crops, "box", lambda self, index, variant: (4, 1, 24, 21))
    assert Crops(run.root, samples, 40, PART).frame(0, 0) == Frame((56, 44), (8, 2), 40)


def test_each_row_of_a_step_has_its_own_frame(run, samples, backbone, tmp_path):
    """The peers' bug: class rows that inherit the photos' size and place."""
    job = Job(run, small(crop_range=PART, crop_variants=3), (SUBJECT,), samples, SD(), 3, "cpu")
    make = step_maker(job, backbone, tmp_path / "latents.safetensors")
    step = make(1)
    assert len(step.frames) == len(step.roles) == 4
    crops = make._crops(make.batches.rows(1), 1)
    for frame, (index, variant) in zip(step.frames, crops, strict=True):
        left, top, right, _ = make.latents.crops.box(index, variant)
        width, height = Image.open(run.root / samples[index].image).size
        scale = 16 / (right - left)
        assert frame == Frame(
            (round(width * scale), round(height * scale)), (round(left * scale), round(top * scale)), 16
        )
        x0 = make.latents.moments([(index, variant)])[0]
        assert x0.shape[-1] * 4 == frame.size_px
    assert len(set(step.frames)) > 1
