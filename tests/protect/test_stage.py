"""From a folder of photos to lossless files, numbers and a page."""

import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from staytrue.backbones import SD
from staytrue.cli import main
from staytrue.errors import ConfigError
from staytrue.images.crop import pixels_pm1
from staytrue.images.load import load_folder
from staytrue.protect.config import Protect, ProtectConfig
from staytrue.protect.measure import perceptual
from staytrue.protect.stage import Against, protect_images, protect_stage, protect_subjects, squares
from staytrue.purify.distance import SSIM_NAME, perceptual_distance
from staytrue.runs import read_json, write_json
from staytrue.types import Subject
from tests.encoders.tiny_judges import tiny_clip, tiny_vit
from tests.purify.stand_ins import tiny_restorer
from tests.tiny import tiny_sd

SIZES = [(40, 48), (64, 33), (36, 36)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Photos, a backbone of 32 px, a CLIP and a judge."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    for number, size in enumerate(SIZES):
        path = home / "photos" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(path)
    (home / "photos" / "1.txt").write_text("a dog on the grass")
    tiny_sd(home / "model", size=32)
    tiny_clip(home / "clip", side=32)
    tiny_vit(home / "judge", side=32)
    return home


def config(home, method="random_noise", **changes):
    protect = Protect(method=method, **{"clip": str(home / "clip"), "judge": str(home / "judge")} | changes)
    subject = Subject(name="rex", photos=home / "photos", class_noun="dog")
    return ProtectConfig(subject=subject, backbone=SD(path=str(home / "model")), protect=protect)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr("staytrue.protect.measure.DRAWS", 1)


ADVDM = {"name": "advdm", "pgd": {"steps": 2, "step": "8/255"}}


@pytest.fixture(scope="module")
def made(home):
    folder = home / "out"
    assert protect_stage(config(home, ADVDM, radius="11/255"), folder)
    return folder


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == "RGB"
        return np.asarray(image).astype(int)


def test_files_are_lossless_within_the_radius_to_the_level(home, made):
    clean = squares([photo.image for photo in load_folder(home / "photos")], SD(path=str(home / "model")).facts())
    files = sorted((made / "photos").glob("*.png"))
    assert [file.name for file in files] == ["01-0.png", "02-1.png", "03-2.png"]
    for file, picture in zip(files, clean, strict=True):
        difference = np.abs(pixels(file) - np.asarray(picture).astype(int))
        assert difference.shape == (32, 32, 3)
        assert 5 < difference.max() <= 11
    assert len(load_folder(made / "photos")) == 3  # the folder is photos to train on


def test_captions_lie_apart_from_what_is_published_and_beside_what_is_trained_on(home, made, tmp_path):
    assert {path.suffix for path in (made / "photos").iterdir()} == {".png"}
    assert [(path.name, path.read_text()) for path in (made / "captions").iterdir()] == [
        ("02-1.txt", "a dog on the grass\n")
    ]
    assert "not for publishing" in (made / "report.html").read_text()
    shutil.copytree(made, tmp_path / "out")
    assert protect_stage(config(home, ADVDM, radius="11/255"), tmp_path / "out", to_train=True)
    texts = [photo.text for photo in load_folder(tmp_path / "out" / "photos")]
    assert texts == [None, "a dog on the grass", None]
    assert not list((tmp_path / "out" / "captions").iterdir())


def test_the_page_says_that_repeats_are_not_kept(home, made, tmp_path):
    assert "each counts once" not in (made / "report.html").read_text()
    shutil.copytree(home / "photos", tmp_path / "dogs" / "10_dog")
    subject = Subject(name="rex", photos=tmp_path / "dogs", class_noun="dog")
    protect_stage(config(home).model_copy(update={"subject": subject}), tmp_path / "out")
    assert "each counts once" in (tmp_path / "out" / "report.html").read_text()


def test_numbers_are_told(home, made):
    told = read_json(made / "protect.json")
    assert told["radius"] == "11/255"
    assert told["method"]["name"] == "advdm"
    assert [row["largest_levels"] <= 11 for row in told["changed"]] == [True] * 3
    assert all(25 < row["psnr_db"] < 60 for row in told["changed"])
    assert len(told["distance"]["values"]) == 3 and "class token" in told["distance"]["judge"]
    assert set(told["denoising_loss"]) == {"clean", "random_noise", "protected"}
    assert all(-1 <= row["cosine"] <= 1 and 0 <= row["noise_share"] <= 1 for row in told["mismatch"]["after"])
    assert told["mismatch"]["before"] != told["mismatch"]["after"]


def test_how_far_photos_look_from_the_clean_ones_is_told_by_name(home, made):
    clean = squares([photo.image for photo in load_folder(home / "photos")], SD(path=str(home / "model")).facts())
    distance = perceptual_distance()
    protected = [Image.open(file) for file in sorted((made / "photos").glob("*.png"))]
    values = [float(distance.between(pixels_pm1([a]), pixels_pm1([b]))) for a, b in zip(clean, protected, strict=True)]
    told = read_json(made / "protect.json")["perceptual"]
    assert told == {"name": distance.name, "values": pytest.approx(values)}
    assert min(values) > 0
    page = (made / "report.html").read_text()
    assert f"Perceptual distance: {distance.name}." in page and f"<td>{values[0]:.3f}</td>" in page


class Lpips:
    """Stands in for the package's network: the largest difference."""

    def __init__(self, net, verbose):
        assert (net, verbose) == ("alex", False)

    def to(self, device):
        return self

    def eval(self):
        return self

    def requires_grad_(self, wanted):
        return self

    def __call__(self, a, b):
        return (a - b).abs().amax(dim=(1, 2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("package", "name", "value"),
    [(SimpleNamespace(LPIPS=Lpips), "LPIPS (AlexNet)", 2 / 255), (None, SSIM_NAME, 0)],
    ids=["installed", "absent"],
)
def test_lpips_is_taken_where_it_is_installed(package, name, value, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", package)
    told = perceptual([Image.new("RGB", (16, 16), "#808080")], [Image.new("RGB", (16, 16), "#818181")])
    assert told == {"name": name, "values": [pytest.approx(value, abs=1e-3)]}


def test_the_page_shows_three_pictures_a_photo_and_opens_offline(made):
    page = (made / "report.html").read_text()
    assert page.count("<img ") == 9
    assert page.count("data:image/png;base64,") == 9
    assert not re.search(r'(src|href)="http', page)
    assert "11/255" in page and "advdm" in page and "dB" in page


def test_a_complete_folder_is_not_made_again_and_a_batch_is_no_reason(home, made):
    before = (made / "manifest.json").read_bytes()
    assert not protect_stage(config(home, ADVDM, radius="11/255", batch=1), made)
    assert (made / "manifest.json").read_bytes() == before


def test_other_contents_under_the_same_path_are_protected_against_again(home, tmp_path):
    """Of the backbone, of a target, of a checkpoint, and of the purifier that is expected."""
    shutil.copytree(home / "photos", tmp_path / "photos")
    model, other = tiny_sd(tmp_path / "model", size=32), tiny_sd(tmp_path / "other", size=32)
    target, restorer = tmp_path / "target.png", tiny_restorer(tmp_path / "restorer.safetensors")
    Image.new("RGB", (40, 40), "red").save(target)
    pgd = {"pgd": {"steps": 1}}
    methods = {
        "photoguard": {"target": str(target), **pgd},
        "easpl": {
            "checkpoints": [str(other)],
            "surrogates": 1,
            "rounds": 1,
            "clean_steps": 0,
            "perturbed_steps": 0,
            **pgd,
        },
        "adaptive": {"purifier": {"name": "restore", "model": str(restorer)}, "pgd": {"steps": 1, "draws": 1}},
    }

    def made():
        """Which methods had something to do, each in a folder of its own."""
        done = set()
        for name, settings in methods.items():
            asked = config(tmp_path, {"name": name, **settings}, judge="miniature", clip="none")
            if protect_stage(asked, tmp_path / f"out-{name}"):
                done.add(name)
        return done

    assert made() == set(methods)
    assert made() == set()
    Image.new("RGB", (40, 40), "blue").save(target)
    assert made() == {"photoguard"}
    tiny_sd(other, size=32, seed=1)
    assert made() == {"easpl"}
    tiny_restorer(restorer, seed=1)
    assert made() == {"adaptive"}
    tiny_sd(model, size=32, seed=1)
    assert made() == set(methods)


def test_same_seed_same_bytes(home, made, tmp_path):
    assert protect_stage(config(home, ADVDM, radius="11/255"), tmp_path)
    for file in (*(made / "photos").iterdir(), *(made / "captions").iterdir()):
        assert file.read_bytes() == (tmp_path / file.relative_to(made)).read_bytes()


def test_other_settings_replace_the_photos(home, tmp_path):
    assert protect_stage(config(home, radius="2/255"), tmp_path)
    (tmp_path / "photos" / "09-old.png").write_bytes(b"of an earlier folder")
    told = read_json(tmp_path / "protect.json")
    write_json(tmp_path / "protect.json", told | {"written": [*told["written"], "photos/09-old.png"]})
    assert protect_stage(config(home, radius="3/255"), tmp_path)
    assert sorted(p.name for p in (tmp_path / "photos").glob("*.png")) == ["01-0.png", "02-1.png", "03-2.png"]
    assert read_json(tmp_path / "protect.json")["changed"][0]["largest_levels"] == 3


@pytest.mark.parametrize(
    ("originals", "out"), [("dl/photos", "dl"), ("photos/rex", "."), ("rex", "rex")], ids=["is", "holds", "inside"]
)
def test_originals_are_never_written_over(originals, out, home, tmp_path, monkeypatch):
    """Neither the subject's nor those of the reference, be it by another name for the same folder."""
    shutil.copytree(home / "photos", tmp_path / originals)
    (tmp_path / "link").symlink_to(tmp_path / out)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    mine = config(home).model_copy(update={"subject": Subject(name="rex", photos=originals, class_noun="dog")})
    for asked in (mine, config(home, reference=originals)):
        for folder in (Path(out), tmp_path / "link"):
            with pytest.raises(ConfigError, match=r"originals .*name another folder with --out"):
                protect_stage(asked, folder)
    assert sorted(tmp_path.rglob("*")) == before


def test_files_that_were_not_written_here_stay(home, tmp_path):
    """The attack stops before it starts; captions that were added to a complete folder are such files."""
    assert protect_stage(config(home, radius="2/255"), tmp_path)
    (tmp_path / "photos" / "01-0.txt").write_text("my own words")
    assert not protect_stage(config(home, radius="2/255"), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=r"files that `staytrue protect` did not write \(photos/01-0\.txt\).*--out"):
        protect_stage(config(home, radius="3/255"), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (("config.json", "report.html"), "config.json, report.html"),
        (("protect.json",), "protect.json"),
        (("manifest.json",), "manifest.json"),
        (("photos/sunset.png",), "photos/sunset.png"),
    ],
    ids=["a run", "facts", "manifest", "photos"],
)
def test_a_folder_of_something_else_is_left_alone(files, named, home, tmp_path):
    """A run's, or one with files of the same names that say nothing a protection would say."""
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"mine": true}')
    with pytest.raises(ConfigError, match=re.escape(named) + r".*--out"):
        protect_stage(config(home), tmp_path)
    inside = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert inside == set(files)
    assert all((tmp_path / name).read_text() == '{"mine": true}' for name in files)


def test_a_run_beside_protected_photos_keeps_its_report(home, tmp_path):
    assert protect_stage(config(home, radius="2/255"), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "report.html").write_text("of the run")
    with pytest.raises(ConfigError, match=r"config\.json"):
        protect_stage(config(home, radius="3/255"), tmp_path)
    assert (tmp_path / "report.html").read_text() == "of the run"


def test_other_files_in_the_folder_are_none_of_the_outputs(home, tmp_path):
    """Or the attack would be repeated once they are gone."""
    (tmp_path / "notes.txt").write_text("mine")
    assert protect_stage(config(home), tmp_path)
    (tmp_path / "notes.txt").unlink()
    assert not protect_stage(config(home), tmp_path)
    (tmp_path / "photos" / "01-0.png").unlink()
    assert protect_stage(config(home), tmp_path)


def test_photos_of_an_older_version_are_known_for_ones_own(home, tmp_path):
    """It listed names within ``photos``, where captions lay, too; they go."""
    assert protect_stage(config(home, radius="2/255"), tmp_path)
    (tmp_path / "captions" / "02-1.txt").rename(tmp_path / "photos" / "02-1.txt")
    told = read_json(tmp_path / "protect.json")
    write_json(tmp_path / "protect.json", told | {"written": [Path(name).name for name in told["written"]]})
    assert protect_stage(config(home, radius="3/255"), tmp_path)
    assert not list((tmp_path / "photos").glob("*.txt"))


def test_a_killed_run_knows_its_files_again(home, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("staytrue.protect.stage._measured", killed)
        with pytest.raises(KeyboardInterrupt):
            protect_stage(config(home, radius="2/255"), tmp_path)
    assert len([*(tmp_path / "photos").iterdir(), *(tmp_path / "captions").iterdir()]) == 4
    assert protect_stage(config(home, radius="3/255"), tmp_path)


def test_a_judge_that_cannot_judge_says_why_and_nothing_is_lost(home, tmp_path):
    protect = Protect(method="random_noise", clip=str(home / "clip"), judge="miniature")  # which sees 64 px alone
    protect_stage(config(home).model_copy(update={"protect": protect}), tmp_path)
    told = read_json(tmp_path / "protect.json")["distance"]
    assert told["values"] is None and "64 x 64" in told["refused"] and "protect.judge=" in told["refused"]
    assert "not judged" in (tmp_path / "report.html").read_text()


def test_without_a_clip_the_attack_is_kept_and_the_mismatch_says_why(home, tmp_path):
    """The default one is on no machine of the tests, which are offline; nor is the default judge."""
    protect = Protect(method="random_noise")
    made = config(home).model_copy(update={"protect": protect})
    assert protect_stage(made, tmp_path)
    told = read_json(tmp_path / "protect.json")
    assert told["mismatch"]["before"] is None
    for part, setting in (("mismatch", "protect.clip="), ("distance", "protect.judge=")):
        assert setting in told[part]["refused"] and "evaluate" not in told[part]["refused"]
    page = (tmp_path / "report.html").read_text()
    assert "<td>not measured</td>" in page and "protect.clip=" in page
    assert not protect_stage(made, tmp_path)


def test_a_reference_folder_teaches_the_surrogates(home, tmp_path):
    method = {
        "name": "fsmg",
        "pgd": {"steps": 1, "step": "8/255"},
        "surrogate_steps": 2,
        "surrogate": {"learning_rate": 0.05},
    }
    other = tmp_path / "reference"
    other.mkdir()
    Image.effect_mandelbrot((40, 40), (-2, -1, 1, 1), 50).convert("RGB").save(other / "a.png")
    subject, against = (
        Subject(name="rex", photos=home / "photos", class_noun="dog"),
        Against(SD(path=str(home / "model"))),
    )
    images = squares([photo.image for photo in load_folder(home / "photos")], against.backbone.facts())
    with_own = protect_images(Protect(method=method), images, subject, against)
    with_other = protect_images(Protect(method=method, reference=other), images, subject, against)
    assert any(a.tobytes() != b.tobytes() for a, b in zip(with_own, with_other, strict=True))


def test_pictures_of_another_size_are_refused(home):
    subject, against = (
        Subject(name="rex", photos=home / "photos", class_noun="dog"),
        Against(SD(path=str(home / "model"))),
    )
    with pytest.raises(ConfigError, match="32 px squares"):
        protect_images(Protect(method="random_noise"), [Image.new("RGB", (40, 40))], subject, against)


def test_many_subjects_in_many_ways(home, tmp_path):
    rex = Subject(name="rex", photos=home / "photos", class_noun="dog")
    ways = {
        f"noise-{n}": Protect(
            method="random_noise", radius=f"{n}/255", clip=str(home / "clip"), judge=str(home / "judge")
        )
        for n in (2, 4)
    }
    against = Against(SD(path=str(home / "model")), seed=3)
    made = protect_subjects(ways, [rex, rex.model_copy(update={"name": "ben"})], against, tmp_path)
    assert list(made) == [("noise-2", "rex"), ("noise-2", "ben"), ("noise-4", "rex"), ("noise-4", "ben")]
    for (way, _), folder in made.items():
        files = sorted(folder.glob("*.png"))
        assert len(files) == 3
        assert read_json(folder.parent / "protect.json")["changed"][0]["largest_levels"] == int(way[-1])
    stamps = [p.stat().st_mtime_ns for p in tmp_path.rglob("manifest.json")]
    protect_subjects(ways, [rex], against, tmp_path)
    assert [p.stat().st_mtime_ns for p in tmp_path.rglob("manifest.json")] == stamps


def typed(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["staytrue", *map(str, words)])
    with pytest.raises(SystemExit) as exit:
        main()
    return exit.value.code or 0


def test_the_command_line(home, tmp_path, monkeypatch, capsys):
    words = (
        "protect",
        home / "photos",
        "protect.method=random_noise",
        "protect.radius=5/255",
        "protect.method.distribution=uniform",
    )
    judges = (
        f"protect.clip={home / 'clip'}",
        f"protect.judge={home / 'judge'}",
        "seed=4",
        "--backbone",
        home / "model",
    )
    assert typed(monkeypatch, *words, *judges, "--class-noun", "dog", "--out", tmp_path / "out", "--device", "cpu") == 0
    told = read_json(tmp_path / "out" / "protect.json")
    assert (told["method"], told["seed"]) == ({"name": "random_noise", "distribution": "uniform"}, 4)
    assert told["changed"][0]["largest_levels"] == 5
    assert str(Path("out") / "photos") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("protect.radius=0", "protect.radius: 0 is not above 0"),
        ("protect.radius=12", 'eleven of 255 levels are "11/255"'),
        ("protect.radius=much", "protect.radius: 'much' is not a number"),
        ("protect.method=aspel", "protect.method.name: no 'aspel'; there are: adaptive, advdm, aspl"),
        ("protect.method.rownds=3", "protect.method.rownds: no such setting; there are: "),
        ("protect.method.pgd.step=2", "the step of pgd"),
        ("train.steps=3", "train: no such setting; there are: "),
    ],
)
def test_bad_settings_exit_2_with_a_message(setting, said, home, tmp_path, monkeypatch, capsys):
    words = ("--class-noun", "dog", "--out", tmp_path / "out")
    assert typed(monkeypatch, "protect", home / "photos", setting, *words) == 2
    output = capsys.readouterr().err
    assert said in output
    assert "Traceback" not in output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            ["protect.method=photoguard", "protect.method.target=photos/1.txt"],
            "protect.method.target: photos/1.txt is broken or not a jpg, png or webp picture",
        ),
        (
            ["protect.method=photoguard", "protect.method.target=gary"],
            "protect.method.target: 'gary' is neither a color",
        ),
        (
            ["protect.method=adaptive", "protect.method.purifier.name=restore"],
            "such as protect.method.purifier.model=/models/",
        ),
        (
            [
                "protect.method=adaptive",
                'protect.method.purifier={name="chain", steps=[{name="jpeg"}, {name="restore"}]}',
            ],
            "such as protect.method.purifier.steps.1.model=/models/",
        ),
        (
            ["protect.method=adaptive", "protect.method.purifier.name=code_sr"],
            "such as protect.method.purifier.faces=/models/codeformer.pth",
        ),
    ],
    ids=["text", "no color", "restorer", "in a chain", "faces"],
)
def test_what_the_method_names_is_looked_for_before_anything_is_loaded(
    settings, said, home, tmp_path, monkeypatch, capsys
):
    """And the message names the setting, by which the same command goes on."""
    monkeypatch.chdir(home)
    monkeypatch.setattr(SD, "load", lambda *_: pytest.fail("nothing is to be loaded"))
    words = ("--class-noun", "man", "--backbone", home / "model", "--out", tmp_path / "out")
    assert typed(monkeypatch, "protect", "photos", *settings, *words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
