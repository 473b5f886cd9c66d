"""The inspection: each measure by hand, verdicts with reasons, what a run writes, and what it does about it."""

import io
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from staytrue.backbones import SD
from staytrue.errors import BackboneError, ConfigError, ImageError
from staytrue.evaluate.photos_html import inspection
from staytrue.images.load import Photo, load_folder
from staytrue.images.photos import photo_rows
from staytrue.protect.config import Protect
from staytrue.protect.stage import Against, protect_images
from staytrue.purify import Tools
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.inspection import Inspect, model, pixels
from staytrue.purify.inspection.inspect import Inspected, report_found, with_noise
from staytrue.purify.inspection.jpeg_history import jpeg_quality
from staytrue.purify.inspection.measures import PERTURBATION, SAYS, measure, of_picture
from staytrue.purify.inspection.model import model_measures
from staytrue.purify.inspection.picture import embedding_svg, two_axes
from staytrue.purify.inspection.verdict import Limit, calibrated_on, judge, read_limits
from staytrue.purify.inspection.zero_shot import look, own_clip
from staytrue.purify.none import NoPurifier
from staytrue.purify.restore import Restore
from staytrue.purify.stage import purify_stage
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import RunFolder, read_json
from staytrue.types import Subject
from tests.caption.tiny_models import tiny_clip
from tests.tiny import tiny_sd

PIXELS = Inspect(depth="pixels")
NOISY = {"general": {"limits": {"high_frequency": {"typical": 1.0, "limit": 3.0}}}}


def scene(seed: int = 0, side: int = 64) -> Image.Image:
    """A smooth picture with a few straight edges."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 215, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(np.kron(coarse, np.ones((side // 4, side // 4, 1), np.uint8)))


def gaussian_noise(image: Image.Image, sigma: float) -> Image.Image:
    noise = np.random.default_rng(1).normal(0, sigma, (*image.size[::-1], 3))
    return Image.fromarray((np.asarray(image) + noise).round().clip(0, 255).astype(np.uint8))


def test_noise_level_is_the_standard_deviation_of_noise_on_luminance() -> None:
    """Independent noise of sigma 10 a channel has sigma 10 |(.299, .587, .114)| = 6.69 on luminance; blocks alone have none."""
    clean = scene(side=128)
    assert pixels.noise_level(clean) < 0.01
    assert pixels.noise_level(gaussian_noise(clean, 10)) == pytest.approx(6.69, rel=0.1)


def test_noise_level_by_loops() -> None:
    gray = pixels.luma(gaussian_noise(scene(side=16), 5))
    kernel = [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]
    found = [
        abs(sum(kernel[i][j] * gray[y + i - 1, x + j - 1] for i in range(3) for j in range(3)))
        for y in range(1, 15)
        for x in range(1, 15)
    ]
    assert pixels.noise_level(gaussian_noise(scene(side=16), 5)) == pytest.approx(np.median(found) / (6 * 0.6745))


def test_sharpness_falls_and_blockiness_rises() -> None:
    image = scene(3)
    assert pixels.sharpness(image.filter(ImageFilter.GaussianBlur(3))) < 0.4 * pixels.sharpness(image)
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (64, 1, 3)))
    noisy, buffer = gaussian_noise(ramp, 12), io.BytesIO()
    noisy.save(buffer, "JPEG", quality=5)
    assert pixels.blockiness(Image.open(buffer).convert("RGB")) > 1.5 * pixels.blockiness(noisy)


def test_exposure_percentiles() -> None:
    half = np.zeros((32, 32, 3), np.uint8)
    half[:16] = 200
    image = Image.fromarray(half)
    assert (pixels.brightest(image), pixels.darkest(image)) == (pytest.approx(200), 0)


@pytest.mark.parametrize("quality", [10, 35, 50, 75, 95])
def test_jpeg_quality_is_read_from_the_tables(quality: int, tmp_path: Path) -> None:
    scene().save(tmp_path / "a.jpg", quality=quality)
    assert jpeg_quality(tmp_path / "a.jpg") == pytest.approx(quality, abs=1)
    scene().save(tmp_path / "a.png")
    assert jpeg_quality(tmp_path / "a.png") is None


def test_near_duplicates_find_each_other() -> None:
    images = [scene(0), scene(1), gaussian_noise(scene(0), 2)]
    (near, twin), (far, _), (_, back) = pixels.nearest_other(images)
    assert (twin, back) == (2, 0)
    assert near < 1.5 < far
    assert pixels.nearest_other(images[:1]) == [(255.0, None)]


def test_mismatch_is_a_softmax_of_two_concepts(tmp_path: Path) -> None:
    """By hand from the embeddings: p(noise) = 1 / (1 + exp(scale (cos class - cos noise)))."""
    tools = Tools(SD(path=str(tiny_sd(tmp_path / "sd"))), class_noun="dog")
    clip, reason = own_clip(str(tiny_clip(tmp_path / "clip")), tools)
    assert reason == ""
    sight = look(clip, [scene(0), scene(1)], "dog")

    def concept(texts):
        return torch.nn.functional.normalize(clip.texts(texts).mean(0), dim=0)

    dog = concept(["a photo of a dog", "a picture of a dog", "a dog"])
    noise = concept(["noise", "a noisy pattern", "noisy, low quality"])
    scale = clip.model.logit_scale.exp().item()
    for row in range(2):
        image = clip.images([scene(row)])[0]
        expected = 1 / (1 + np.exp(scale * float(image @ dog - image @ noise)))
        assert sight.mismatch[row] == pytest.approx(expected, abs=1e-5)
        assert sight.class_cosine[row] == pytest.approx(float(image @ dog), abs=1e-5)


def test_no_clip_is_downloaded_unasked(tmp_path: Path) -> None:
    clip, reason = own_clip("auto", Tools(SD(path=str(tiny_sd(tmp_path))), class_noun="dog"))
    assert clip is None
    assert "inspect.clip" in reason


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The hub's cache, in which the tiny backbone's CLIP is some/clip; puts files of it there and returns the backbone's tools."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("staytrue.purify.inspection.zero_shot.OWN", {32: "some/clip"})
    clip, held = tiny_clip(tmp_path / "clip"), tmp_path / "hub" / "models--some--clip"

    def holds(*names: str) -> Tools:
        (held / "snapshots" / "0").mkdir(parents=True, exist_ok=True)
        (held / "refs").mkdir(exist_ok=True)
        (held / "refs" / "main").write_text("0")
        for name in names or [p.name for p in clip.iterdir()]:
            shutil.copy(clip / name, held / "snapshots" / "0")
        return Tools(SD(path=str(tiny_sd(tmp_path / "sd"))), class_noun="dog")

    return holds


@pytest.mark.parametrize(
    ("held", "said"),
    [(["config.json"], "inspect.clip=some/clip downloads it"), (["config.json", "model.safetensors"], "tokenizer")],
)
def test_half_a_clip_in_the_cache_neither_stops_nor_is_completed_unasked(held, said: str, hub) -> None:
    clip, reason = own_clip("auto", hub(*held))
    assert clip is None
    assert said in reason and "inspect.clip" in reason


def test_a_clip_that_comes_later_is_looked_through(hub, noisy_run) -> None:
    run, subject, settings = noisy_run
    inspect = Inspect(action="proceed", **settings | {"depth": "clip"})
    for _ in ("looked at", "read from the file"):
        purify_stage(run, NoPurifier(), [subject], hub("config.json"), inspect)
        assert "mismatch" not in read_json(run.inspection)["photos"][0]["measures"]
    assert "not on this machine" in read_json(run.inspection)["skipped"][0]
    purify_stage(run, NoPurifier(), [subject], hub(), inspect)
    assert "mismatch" in read_json(run.inspection)["photos"][0]["measures"]


def test_names_of_photos_that_are_no_utf_8_are_spelled_out(hub, noisy_run) -> None:
    """As old disks and archives have them; the page shows what it can."""
    run, subject, settings = noisy_run
    for photo in subject.photos.iterdir():
        photo.rename(photo.with_name(f"caf\udce9 {photo.name}"))
    purify_stage(run, NoPurifier(), [subject], hub(), Inspect(action="proceed", **settings | {"depth": "clip"}))
    [drawn] = run.purified.glob("embeddings-*.svg")
    assert r"caf\udce9" in drawn.read_text()
    assert len(photo_rows(run, subject.name)) == len(list(subject.photos.iterdir()))


def test_a_clip_that_is_named_and_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"inspect\.clip=/models/nowhere"):
        own_clip(str(tmp_path / "nowhere"), Tools())


@pytest.mark.miniature
def test_the_miniatures_own_clip_is_used_and_never_a_judge() -> None:
    clip, _ = own_clip("auto", Tools(SD(), class_noun="dog"))
    assert Path(clip.spec.checkpoint).parts[-2:] == ("encoders", "clip")


def test_model_measures_by_hand(tmp_path: Path) -> None:
    """Round trip and shift of one photo, computed again one by one; a photo's numbers do not depend on its company."""
    backbone = SD(path=str(tiny_sd(tmp_path))).load()
    one, two = scene(0, 32), scene(1, 32)
    both = model_measures(backbone, [one, two], "a photo of a dog")
    assert model_measures(backbone, [two], "a photo of a dog")[0] == pytest.approx(both[1], rel=1e-3, abs=1e-5)
    x, s = (
        torch.tensor(np.asarray(i)).permute(2, 0, 1)[None].float() / 127.5 - 1
        for i in (one, one.filter(ImageFilter.GaussianBlur(1)))
    )
    with torch.no_grad():
        z, z_smooth = (backbone.vae.encode(i).latent_dist.mean * backbone.vae.config.scaling_factor for i in (x, s))
        back = backbone.vae.decode(z / backbone.vae.config.scaling_factor).sample.clamp(-1, 1)
    assert both[0]["round_trip"] == pytest.approx(float((back - x).square().mean().sqrt()) * 127.5, rel=1e-3)
    assert both[0]["latent_shift"] == pytest.approx(float((z - z_smooth).square().mean().sqrt()), rel=1e-3)
    step = float((x - s).square().mean().sqrt())
    assert both[0]["latent_gain"] == pytest.approx(both[0]["latent_shift"] / step, rel=1e-3)
    assert "latent_aim" not in both[0]


def test_the_aim_of_fine_detail_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a blur as the restorer, and a control that adds the difference upside down: 1 where nothing is told from it."""
    backbone = SD(path=str(tiny_sd(tmp_path))).load()
    one, two = scene(0, 32), scene(1, 32)

    def blur(image: Image.Image) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(1))

    monkeypatch.setattr(model, "_scrambled", lambda difference, _: difference.flip(2))
    rows = model_measures(backbone, [one, two], "a photo of a dog", blur)
    x, r = (torch.tensor(np.asarray(i)).permute(2, 0, 1)[None].float() / 127.5 - 1 for i in (one, blur(one)))
    with torch.no_grad():
        scaled = [backbone.encode(i)[0] for i in (x, r, r + (x - r).flip(2))]
    z, start, control = scaled
    moved, otherwise = (float((end - start).square().mean().sqrt()) for end in (z, control))
    assert moved > model.NOTHING
    assert rows[0]["latent_aim"] == pytest.approx((moved + model.NOTHING) / (otherwise + model.NOTHING), rel=1e-3)
    assert model_measures(backbone, [two], "a photo of a dog", blur)[0] == pytest.approx(rows[1], rel=1e-3, abs=1e-5)
    monkeypatch.setattr(model, "_scrambled", lambda difference, _: difference)
    assert model_measures(backbone, [one], "", blur)[0]["latent_aim"] == pytest.approx(1, abs=1e-4)
    assert model_measures(backbone, [one], "", lambda image: image)[0]["latent_aim"] == 1


def test_a_scrambled_difference_has_the_same_pixels_elsewhere() -> None:
    difference = torch.rand(2, 3, 8, 8) + 0.1
    scrambled = model._scrambled(difference, 0)
    assert torch.equal(scrambled.abs().flatten(2).sort().values, difference.flatten(2).sort().values)
    assert 0.2 < (scrambled > 0).float().mean() < 0.8
    assert (scrambled.abs() == difference).float().mean() < 0.2
    assert torch.equal(scrambled[1:], model._scrambled(difference[1:], 0))
    assert not torch.equal(scrambled, model._scrambled(difference, 1))


@pytest.mark.miniature
def test_a_perturbation_against_the_autoencoder_is_aimed_and_noise_is_not() -> None:
    """PhotoGuard at 11/255, which none of the other measures sees."""
    subject = bundled_subject("can")
    photos = load_folder(subject.photos)
    clean = [photo.image for photo in photos]
    attacked = {
        kind: protect_images(Protect(method=kind), clean, subject, Against(SD()))
        for kind in ("photoguard", "random_noise")
    }
    tools = Tools(SD(), class_noun="can")

    def aims(images: list[Image.Image]) -> list[float]:
        pictures = [Photo(photo.path, image) for photo, image in zip(photos, images, strict=True)]
        return [row["latent_aim"] for row in measure(pictures, tools, "model", "auto").rows]

    assert np.mean(aims(attacked["photoguard"])) > max(aims(clean) + aims(attacked["random_noise"]))


def test_every_measure_has_words(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene().save(path)
    tools = Tools(SD(path=str(tiny_sd(tmp_path / "sd"))), class_noun="dog")
    photos = [Photo(path, scene(0)), Photo(path, scene(1))]
    measured = measure(photos, tools, "model", str(tiny_clip(tmp_path / "clip")))
    assert all(set(row) == set(SAYS) - {"latent_aim"} for row in measured.rows)
    assert [line for line in measured.skipped if line.startswith("latent_aim")]  # no restorer comes with this backbone
    assert set(PERTURBATION) < set(SAYS)
    assert measured.embeddings.shape[0] == 2
    shallow = measure(photos, tools, "pixels", "auto")
    assert set(shallow.rows[0]) == set(of_picture(scene())) | {"jpeg_quality", "nearest_other"}


def test_a_verdict_by_hand() -> None:
    """Typical 2, limit 6: a value of 8 is 1.5 of the way. Low is bad where the limit lies below."""
    limits = {"high_frequency": Limit(2, 6), "sharpness": Limit(50, 10), "class_cosine": Limit(0.3, 0.1)}
    fine = judge({"high_frequency": 4, "sharpness": 30, "class_cosine": 0.3}, limits, "dog")
    assert (fine.word, fine.reasons, fine.suspicion) == ("fine", (), 0.5)
    suspect = judge({"high_frequency": 8, "sharpness": 9, "class_cosine": 0.3}, limits, "dog")
    assert (suspect.word, suspect.suspicion, suspect.flagged) == ("suspect", 1.5, ("high_frequency", "sharpness"))
    assert "more fine detail" in suspect.reasons[0]
    assert "blurred" in suspect.reasons[1]
    assert "above 10" in suspect.reasons[1]
    poor = judge({"sharpness": 5}, limits, "dog")
    assert (poor.word, poor.suspicion) == ("poor", 0.0)
    seen = judge({"class_cosine": 0.0}, limits, "owl")
    assert "little of an owl" in seen.reasons[0]
    twin = judge({"nearest_other": 0.5}, {"nearest_other": Limit(40, 1)}, "dog", "b.png")
    assert "another, b.png" in twin.reasons[0]


def test_a_photo_and_its_enlargement_get_the_same_verdict() -> None:
    """At the size that the model sees: an enlarged photo is neither blurred nor free of its noise."""
    photo = load_folder(bundled_subject("can").photos)[0]
    signs = np.random.default_rng(0).choice([-16, 16], (*photo.image.size, 3))
    noisy = Image.fromarray((np.asarray(photo.image) + signs).clip(0, 255).astype(np.uint8))
    tools, limits = Tools(SD(), class_noun="can"), read_limits(None, True)
    for image, flagged in ((photo.image, ()), (noisy, ("noise_level",))):
        large = image.resize((image.width * 6, image.height * 6), Image.Resampling.BICUBIC)
        rows = [measure([Photo(photo.path, i)], tools, "pixels", "auto").rows[0] for i in (image, large)]
        assert [judge(row, limits, "can").flagged for row in rows] == [flagged] * 2
        assert rows[0] == of_picture(image)  # the miniature's photos are at its size, and stay what they were
        assert (rows[1]["shorter_side_px"], rows[1]["blockiness"]) == (6 * 64, pixels.blockiness(large))


@pytest.mark.parametrize("small", [True, False])
def test_built_in_limits_name_measures_and_say_how_they_came(small: bool) -> None:
    assert set(read_limits(None, small)) <= set(SAYS)
    file = Path(pixels.__file__).with_name("limits.json")
    assert json.loads(file.read_text())["miniature" if small else "general"]["calibration"]


def test_limits_say_which_protections_they_were_made_from(tmp_path: Path) -> None:
    file = tmp_path / "l.json"
    file.write_text(json.dumps({"miniature": {"calibrated_on": ["aspl"], "limits": {}}, "general": {"limits": {}}}))
    assert calibrated_on(file, True) == ("aspl",)
    assert calibrated_on(file, False) == ()
    assert "calibrated_on" in json.loads(Path(pixels.__file__).with_name("limits.json").read_text())["miniature"]


def test_limits_from_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"inspect\.limits"):
        read_limits(tmp_path / "l.json", False)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"noise_level": {"typical": 6, "limit": 6}}, "typical and limit of noise_level are both 6"),
        ({"noise_level": {"typical": "low", "limit": 6}}, "noise_level is .*two numbers"),
        ({"noise_level": {"typical": 1, "limit": float("nan")}}, "noise_level is .*two numbers"),
        ({"noise_level": {"typical": 1}}, "noise_level is .*two numbers"),
        ({"noise_level": 6}, "noise_level is 6; it needs two numbers"),
        ({"noise_levle": {"typical": 1, "limit": 6}}, "no measure 'noise_levle'; there are: blockiness, "),
        ([], "has no limits for this backbone; it needs"),
        (None, "has no limits for this backbone; it needs"),
    ],
)
def test_limits_that_mean_nothing_are_named(limits, said: str, tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text(json.dumps({"general": {"limits": limits}}))
    with pytest.raises(ConfigError, match=f"inspect.limits: {file}.*{said}"):
        read_limits(file, False)


@pytest.mark.parametrize("content", ["", "[]", '{"general": []}', '"text"'])
def test_a_file_of_something_else_has_no_limits(content: str, tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text(content)
    for read in (read_limits, calibrated_on):
        with pytest.raises(ConfigError, match=r"inspect\.limits: .*l\.json"):
            read(tmp_path / "l.json", False)


def test_two_axes_keep_the_distances_of_flat_data() -> None:
    """Points on a plane in ten dimensions keep their distances."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(5, 2))
    turned = flat @ np.linalg.qr(rng.normal(size=(10, 2)))[0].T + 3
    places = two_axes(turned)
    for i in range(5):
        for j in range(5):
            assert np.linalg.norm(places[i] - places[j]) == pytest.approx(np.linalg.norm(flat[i] - flat[j]))
    svg = embedding_svg({"photo": turned[:2], "cleaned": turned[2:4]}, ["a<b.png", "c.png"])
    assert svg.count("<circle") == 4 + 2
    assert "a&lt;b.png: cleaned" in svg


# --- in a run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def noisy_run(tmp_path: Path):
    """A run of one clean and one noisy photo, and limits that tell them apart by fine detail."""
    folder = tmp_path / "photos"
    folder.mkdir()
    smooth = scene(0).filter(ImageFilter.GaussianBlur(4))
    smooth.save(folder / "clean.png")
    with_noise(scene(1).filter(ImageFilter.GaussianBlur(4)), 20).save(folder / "noisy.png")
    (tmp_path / "limits.json").write_text(json.dumps(NOISY))
    subject = Subject(name="dog", photos=folder, class_noun="dog")
    return RunFolder(tmp_path / "run"), subject, {"depth": "pixels", "limits": tmp_path / "limits.json"}


def test_a_run_writes_what_it_found_and_warns(noisy_run) -> None:
    run, subject, settings = noisy_run
    with pytest.warns(UserWarning, match="1 of 2 photos are flagged"):
        purify_stage(run, NoPurifier(), [subject], None, Inspect(**settings))
    rows = read_json(run.inspection)["photos"]
    assert [(Path(r["file"]).name, r["word"]) for r in rows] == [("clean.png", "fine"), ("noisy.png", "suspect")]
    assert rows[1]["suspicion"] > 1 > rows[0]["suspicion"]
    with Image.open(run.inspection.with_suffix(".jpg")) as sheet:
        assert sheet.width > 300


def test_a_name_too_long_for_the_sheet_leaves_its_verdict_readable(noisy_run, monkeypatch) -> None:
    run, subject, settings = noisy_run
    written = []
    monkeypatch.setattr("staytrue.images.grid._write", lambda _pen, _corner, lines: written.append(" ".join(lines)))
    (subject.photos / "noisy.png").rename(subject.photos / f"{'what a phone calls a photo ' * 5}.png")
    with pytest.warns(UserWarning, match="1 of 2 photos are flagged"):
        purify_stage(run, NoPurifier(), [subject], None, Inspect(**settings))
    fine, _, suspect, _ = written
    assert fine == "fine: clean.png"
    assert suspect.startswith("suspect: what a phone")


def test_an_inspection_is_not_repeated_and_no_reason_to_purify_again(noisy_run) -> None:
    run, subject, settings = noisy_run
    purify_stage(run, NoPurifier(), [subject], None, Inspect(action="proceed", **settings))
    written, made = run.inspection.stat().st_mtime_ns, read_json(run.purified / "manifest.json")["key"]
    assert purify_stage(run, NoPurifier(), [subject], None, Inspect(action="proceed", **settings)) is False
    assert run.inspection.stat().st_mtime_ns == written
    with pytest.raises(ImageError, match=r"noisy\.png is suspect"):
        purify_stage(run, NoPurifier(), [subject], None, Inspect(action="stop", **settings))
    assert read_json(run.purified / "manifest.json")["key"] == made
    with_noise(scene(2), 3).save(subject.photos / "third.png")
    purify_stage(run, NoPurifier(), [subject], None, Inspect(action="proceed", **settings))
    assert len(read_json(run.inspection)["photos"]) == 3


def test_flagged_photos_of_several_subjects_are_named_with_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    """On one console line each; of a single subject the file says enough."""
    rows = [Inspected(name, "photos/1.png", "0", "poor", ("it is blurred",), 0.0, {}, ()) for name in ("rex", "ben")]
    report_found(rows, [], "proceed", cleans=False)
    report_found(rows[:1], [], "proceed", cleans=False)
    said = [line.strip() for line in capsys.readouterr().err.splitlines() if "blurred" in line]
    assert said == [f"{name}1.png is poor: it is blurred" for name in ("rex: ", "ben: ", "")]


def test_stop_stops_before_anything_is_written_for_training(noisy_run) -> None:
    run, subject, settings = noisy_run
    with pytest.raises(ImageError, match=r"inspect\.action=stop"):
        purify_stage(run, NoPurifier(), [subject], None, Inspect(action="stop", **settings))
    assert not (run.purified / "dog").exists()


def test_off_looks_at_nothing(noisy_run) -> None:
    run, subject, settings = noisy_run
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        purify_stage(run, NoPurifier(), [subject], None, Inspect(action="off", **settings))
    assert not run.inspection.exists()


def test_proceed_says_it_without_a_warning(noisy_run, capsys) -> None:
    run, subject, settings = noisy_run
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        purify_stage(run, NoPurifier(), [subject], None, Inspect(action="proceed", **settings))
    assert "noisy.png is suspect" in capsys.readouterr().err


def test_cleaning_suspects_asks_for_the_rights_once(noisy_run) -> None:
    run, subject, settings = noisy_run
    inspect, purifier = Inspect(**settings), Gaussian(sigma_px=9)
    with pytest.raises(ConfigError, match="--i-have-the-rights"):
        purify_stage(run, purifier, [subject], None, inspect)
    assert not (run.purified / "dog").exists()
    assert purify_stage(run, purifier, [subject], None, inspect, rights=True)
    [statement] = read_json(run.rights)
    assert [Path(name).name for name in statement["photos"]] == ["noisy.png"]
    assert purify_stage(run, Gaussian(sigma_px=8), [subject], None, inspect)  # said already: not asked again
    assert len(read_json(run.rights)) == 1
    with_noise(scene(5), 25).save(subject.photos / "other.png")  # a photo it was not said of
    with pytest.raises(ConfigError, match=r"other\.png"):
        purify_stage(run, purifier, [subject], None, inspect)


@pytest.mark.parametrize("tools", [Tools(), Tools(SD())], ids=["general", "miniature"])
def test_the_limits_that_ship_ask_for_the_rights_to_clean_noisy_photos(tools: Tools, tmp_path: Path) -> None:
    """Sign noise of 16 levels a channel is one of 16 |(.299, .587, .114)| = 10.7 on luminance, beyond both limits."""
    run, subject = RunFolder(tmp_path / "run"), Subject(name="dog", photos=tmp_path / "photos", class_noun="dog")
    subject.photos.mkdir()
    for number in range(2):
        smooth = np.asarray(scene(number).filter(ImageFilter.GaussianBlur(2))).astype(int)
        signs = np.random.default_rng(number).choice([-16, 16], smooth.shape)
        Image.fromarray((smooth + signs).clip(0, 255).astype(np.uint8)).save(subject.photos / f"{number}.png")
    asked = (run, Gaussian(sigma_px=9), [subject], tools, PIXELS)
    for _ in ("looked at", "read from the file"):
        with pytest.raises(ConfigError, match=r"(?s)2 of the photos.*0\.png.*--i-have-the-rights"):
            purify_stage(*asked)
    assert {row["word"] for row in read_json(run.inspection)["photos"]} == {"poor"}
    assert purify_stage(*asked, rights=True)
    purify_stage(run, NoPurifier(), [subject], tools, Inspect(depth="pixels", action="proceed"))  # nothing is undone


@pytest.mark.miniature
def test_without_the_extra_restore_a_run_says_what_it_cannot_see_and_looks_again_once_it_is_there(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, subject = RunFolder(tmp_path / "run"), bundled_subject("can")

    def rows() -> list[dict]:
        purify_stage(run, NoPurifier(), [subject], Tools(SD()), Inspect(action="proceed"))
        return read_json(run.inspection)["photos"]

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "spandrel", None)
        for _ in ("looked at", "read from the file"):
            assert not any("latent_aim" in row["measures"] for row in rows())
            said = capsys.readouterr().err
            assert "not measured: latent_aim, without which photos under Glaze and MetaCloak look ordinary" in said
            assert "pip install 'staytrue[restore]'" in said
            assert inspection(run)["skipped"][0] in said  # in the report, too
    assert all("latent_aim" in row["measures"] for row in rows())
    assert "not measured" not in capsys.readouterr().err


@pytest.mark.miniature
def test_clean_photos_of_the_miniatures_world_are_fine_and_it_is_cheap(tmp_path: Path) -> None:
    """Of bundled subjects, at full depth: at most one photo in ten is flagged, in under three seconds of processor time."""
    import time

    subjects = [bundled_subject(name) for name in ("dog6", "can")]
    tools = Tools(SD())
    tools.backbone()  # loading weights is not counted, nor the libraries
    Restore().load(tools)
    started = time.process_time()
    run = RunFolder(tmp_path / "run")
    purify_stage(run, NoPurifier(), subjects, tools, Inspect(action="proceed"))
    assert time.process_time() - started < 3
    rows = read_json(run.inspection)["photos"]
    assert {"mismatch", "denoising_gap"} <= rows[0]["measures"].keys()
    assert sum(row["word"] != "fine" for row in rows) <= len(rows) // 10
    assert sorted(p.name for p in run.purified.glob("embeddings-*.svg")) == [
        "embeddings-can.svg",
        "embeddings-dog6.svg",
    ]
