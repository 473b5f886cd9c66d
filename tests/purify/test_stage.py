"""Photos on disk to ``1-purified/``."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from staytrue.errors import ConfigError, ImageError
from staytrue.images.photos import PhotoRow, photo_rows
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.none import NoPurifier
from staytrue.purify.stage import purify_stage
from staytrue.purify.written import checked
from staytrue.runs import RunFolder, fingerprint, read_json
from staytrue.types import Subject


def make_subject(home: Path, name: str = "dog", photos: int = 2) -> Subject:
    """A subject with photos of random coarse colors."""
    folder = home / f"{name} photos"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(sum(map(ord, name)))
    for number in range(1, photos + 1):
        coarse = Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"My Garden #{number}.png")
    return Subject(name=name, photos=folder, class_noun="dog")


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_writes_pictures_and_rows(tmp_path: Path) -> None:
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    (subject.photos / "My Garden #2.txt").write_text("a dog on a rock")
    assert purify_stage(run, NoPurifier(), [subject]) is True
    assert files(run.purified) == [
        "dog/01-my-garden-1.png",
        "dog/02-my-garden-2.png",
        "dog/photos.jsonl",
        "manifest.json",
    ]
    source = subject.photos / "My Garden #2.png"
    assert photo_rows(run, "dog")[1] == PhotoRow(
        "02-my-garden-2.png", "a dog on a rock", str(source), fingerprint(source)
    )
    written = Image.open(run.purified / "dog" / "02-my-garden-2.png")
    assert np.array_equal(np.asarray(written), np.asarray(Image.open(source)))
    assert read_json(run.purified / "manifest.json")["alpha_color"] == "white"


def test_runs_again_only_when_something_changed(tmp_path: Path) -> None:
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    purify_stage(run, NoPurifier(), [subject])
    assert purify_stage(run, NoPurifier(), [subject]) is False
    assert purify_stage(run, Jpeg(), [subject]) is True
    (subject.photos / "My Garden #1.txt").write_text("a dog")
    assert purify_stage(run, Jpeg(), [subject]) is True
    (subject.photos / "My Garden #1.png").unlink()
    (subject.photos / "My Garden #1.txt").unlink()
    assert purify_stage(run, Jpeg(), [subject]) is True
    assert files(run.purified / "dog") == ["01-my-garden-2.png", "photos.jsonl"]


def test_hidden_files_are_none_of_the_outputs(tmp_path: Path) -> None:
    """A file manager's, or what a killed write left, may go without the photos being cleaned again."""
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    run.purified.mkdir(parents=True)
    hidden = [run.purified / name for name in (".DS_Store", ".cleaning.json.123.tmp")]
    for file in hidden:
        file.touch()
    purify_stage(run, NoPurifier(), [subject])
    for file in hidden:
        file.unlink()
    assert purify_stage(run, NoPurifier(), [subject]) is False


def test_a_folder_that_turned_bad_is_not_skipped(tmp_path: Path) -> None:
    run, subject = RunFolder(tmp_path / "run"), make_subject(tmp_path)
    purify_stage(run, NoPurifier(), [subject])
    (subject.photos / "new.heic").write_bytes(b"heic")
    with pytest.raises(ImageError, match=r"new\.heic is a heic file"):
        purify_stage(run, NoPurifier(), [subject])


def test_a_removed_subject_leaves_nothing(tmp_path: Path) -> None:
    run, one, two = RunFolder(tmp_path / "run"), make_subject(tmp_path, "one"), make_subject(tmp_path, "two")
    purify_stage(run, NoPurifier(), [one, two])
    purify_stage(run, NoPurifier(), [two])
    assert [p.name for p in run.purified.iterdir() if p.is_dir()] == ["two"]


def test_faults_of_all_subjects_come_together(tmp_path: Path) -> None:
    one, two = make_subject(tmp_path, "one"), make_subject(tmp_path, "two")
    for subject in (one, two):
        (subject.photos / f"bad-{subject.name}.jpg").write_bytes(b"no")
    with pytest.raises(ImageError, match=r"(?s)bad-one.jpg.*bad-two.jpg"):
        purify_stage(RunFolder(tmp_path / "run"), NoPurifier(), [one, two])


@pytest.mark.parametrize("names", [("dog", "dog"), ("../dog",), ("a/b",)])
def test_names_that_cannot_be_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    subjects = [Subject(name=name, photos=tmp_path, class_noun="dog") for name in names]
    with pytest.raises(ConfigError):
        purify_stage(RunFolder(tmp_path / "run"), NoPurifier(), subjects)


def test_a_purifier_that_changes_the_size_is_a_fault_of_ours(tmp_path: Path) -> None:
    class Halving:
        name = "halving"

        def purify(self, image: Image.Image) -> Image.Image:
            return image.resize((image.width // 2, image.height // 2))

    with pytest.raises(TypeError, match="halving"):
        checked("halving", Halving().purify, Image.new("RGB", (64, 64)))
