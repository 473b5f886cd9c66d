"""What cleaning removed and kept, by hand, and where a run says it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from staytrue.backbones import SD
from staytrue.images.crop import pixels_pm1
from staytrue.purify import Tools
from staytrue.purify.cleaned import compare, detail_kept
from staytrue.purify.distance import SSIM_NAME, one_minus_ssim, perceptual_distance
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.inspection import Inspect
from staytrue.purify.inspection.pixels import noise_level
from staytrue.purify.none import NoPurifier
from staytrue.purify.stage import purify_stage
from staytrue.runs import RunFolder, read_json
from tests.caption.tiny_models import tiny_clip
from tests.purify.test_inspection import gaussian_noise, scene
from tests.purify.test_stage import make_subject
from tests.tiny import tiny_sd


def naive_one_minus_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Equation 13 of the paper with its sliding window, one place at a time."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            top = (2 * mp * mq + 0.01**2) * (2 * cov + 0.03**2)
            found.append(top / ((mp**2 + mq**2 + 0.01**2) * (vp + vq + 0.03**2)))
    return 1 - float(np.mean(found))


def test_ssim_by_loops_and_its_gradient() -> None:
    rng = np.random.default_rng(0)
    pair = rng.uniform(-1, 1, (2, 1, 3, 16, 14))
    a, b = (torch.tensor(p) for p in pair)
    gray = [np.tensordot([0.299, 0.587, 0.114], (p[0] + 1) / 2, 1) for p in pair]
    assert one_minus_ssim(a, b).item() == pytest.approx(naive_one_minus_ssim(*gray), abs=1e-6)
    assert one_minus_ssim(a, a).item() == pytest.approx(0, abs=1e-6)
    a.requires_grad_()
    one_minus_ssim(a, b).sum().backward()
    assert a.grad.abs().sum() > 0


def test_the_distance_names_itself() -> None:
    distance = perceptual_distance()
    assert distance.name in (SSIM_NAME, "LPIPS (AlexNet)")
    near, far = (pixels_pm1([gaussian_noise(scene(), s)]) for s in (4, 40))
    here = pixels_pm1([scene()])
    assert 0 <= float(distance.between(here, near)) < float(distance.between(here, far))


def test_detail_kept_of_a_step() -> None:
    """A step of 200 turned into one of 150 keeps three quarters of each edge pixel's strength; its mirror image, nothing."""
    step = np.zeros((32, 32, 3), np.uint8)
    step[:, 16:] = 200
    weaker = Image.fromarray((step * 0.75).astype(np.uint8))
    assert detail_kept(Image.fromarray(step), weaker) == pytest.approx(0.75, abs=1e-6)
    assert detail_kept(Image.fromarray(step), Image.fromarray(200 - step)) == 0
    assert detail_kept(Image.fromarray(step), Image.fromarray(step)) == 1


def test_over_purification_shows() -> None:
    """A stronger blur removes more noise, and keeps less detail at a greater distance."""
    noisy = gaussian_noise(scene(side=128), 12)
    mild, strong = (
        compare(("dog", "a.png", 0.1), noisy, noisy.filter(ImageFilter.GaussianBlur(s)), Tools()) for s in (0.6, 6)
    )
    assert mild.noise_before == strong.noise_before > mild.noise_after > strong.noise_after
    assert mild.detail_kept > strong.detail_kept + 0.2
    assert mild.distance < strong.distance
    assert mild.identity_kept is None  # no CLIP was loaded


def test_a_large_photo_is_measured_as_the_model_sees_it(tmp_path: Path) -> None:
    """By hand; a photo of the camera's size has other noise, and other edges."""
    tools = Tools(SD(path=str(tiny_sd(tmp_path))))
    side = tools.facts.resolution_px
    before = gaussian_noise(scene(side=8 * side), 40)
    after = before.filter(ImageFilter.GaussianBlur(4))
    small = [image.resize((side, side), Image.Resampling.LANCZOS) for image in (before, after)]
    found = compare(("dog", "a.png", 0.1), before, after, tools)
    assert (found.noise_before, found.noise_after) == pytest.approx([noise_level(image) for image in small], rel=1e-3)
    assert found.detail_kept == pytest.approx(detail_kept(*small), rel=1e-3)
    assert found.noise_before < 0.5 * noise_level(before)
    assert found.detail_kept > 1.1 * detail_kept(before, after)


def test_clip_looks_at_cleaned_photos_whoever_inspected_and_no_longer_when_cleaning_stops(tmp_path: Path) -> None:
    """Each call stands for a process of its own: the second finds the inspection of the first, and has loaded no CLIP."""
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    inspect = Inspect(action="proceed", depth="clip", clip=str(tiny_clip(tmp_path / "clip")))
    drawn = run.purified / "embeddings-dog.svg"
    purify_stage(run, NoPurifier(), [subject], Tools(), inspect)
    assert "cleaned" not in drawn.read_text()
    purify_stage(run, Gaussian(), [subject], Tools(), inspect)
    seen = ("identity_kept", "mismatch_before", "mismatch_after")
    assert all(0 < row[name] < 1.0001 for row in read_json(run.cleaning)["photos"] for name in seen)
    assert set(seen) < read_json(run.purified / "manifest.json")["cleaning"].keys()
    assert "cleaned" in drawn.read_text()
    purify_stage(run, NoPurifier(), [subject], Tools(), inspect)
    assert "cleaned" not in drawn.read_text()
    assert "with random noise" in drawn.read_text()


def test_a_shallower_look_is_no_reason_to_clean_again(tmp_path: Path) -> None:
    """The picture of embeddings stays while it shows these photos, cleaned in this way, and no longer."""
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    deep = Inspect(action="proceed", depth="clip", clip=str(tiny_clip(tmp_path / "clip")))
    shallow, drawn = Inspect(action="proceed", depth="pixels"), run.purified / "embeddings-dog.svg"
    assert purify_stage(run, Gaussian(), [subject], Tools(), deep)
    assert not purify_stage(run, Gaussian(), [subject], Tools(), shallow)
    assert drawn.is_file()
    assert purify_stage(run, Gaussian(sigma_px=3), [subject], Tools(), shallow)
    assert not drawn.exists()
    assert purify_stage(run, Gaussian(), [subject], Tools(), deep)
    scene(9).save(subject.photos / "new.png")
    assert purify_stage(run, NoPurifier(), [subject], Tools(), shallow)
    assert not drawn.exists()


def test_the_manifest_states_seconds_and_distance(tmp_path: Path) -> None:
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    purify_stage(run, Gaussian(), [subject])
    facts = read_json(run.purified / "manifest.json")["cleaning"]
    assert facts["seconds_per_photo"] >= 0
    assert facts["distance_name"] in (SSIM_NAME, "LPIPS (AlexNet)")
    assert {"distance", "detail_kept", "noise_before", "noise_after"} <= facts.keys()
    assert len(read_json(run.cleaning)["photos"]) == 2
    assert (run.purified / "cleaning-dog.jpg").is_file()
    purify_stage(run, NoPurifier(), [subject])  # nothing cleaned: nothing left that says otherwise
    assert not run.cleaning.exists()
    assert not list(run.purified.glob("cleaning-*"))
    assert "cleaning" not in read_json(run.purified / "manifest.json")
