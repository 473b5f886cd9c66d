"""``1-purified/`` to ``2-captions/``."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from staytrue.caption.sidecar import Sidecar
from staytrue.caption.stage import caption_stage
from staytrue.caption.template import Template
from staytrue.errors import ImageError
from staytrue.purify.none import NoPurifier
from staytrue.purify.stage import purify_stage
from staytrue.runs import RunFolder, read_jsonl
from staytrue.types import Caption, Facts, Sample, Subject


class Backbone:
    """All that captioning asks of a backbone."""

    def facts(self) -> Facts:
        return Facts("sd", "tiny", 32, (4, 8, 8), "epsilon")


def purified(home: Path, folders: dict[str, int]) -> tuple[RunFolder, Subject]:
    """A run whose first stage is done, from kohya subfolders with so many photos each."""
    rng, photos = np.random.default_rng(0), home / "photos"
    for folder, count in folders.items():
        (photos / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(picture).save(photos / folder / f"{number}.png")
    run, subject = RunFolder(home / "run"), Subject(name="rex", photos=photos, class_noun="dog", identifier="zwx")
    purify_stage(run, NoPurifier(), [subject])
    return run, subject


def test_writes_one_row_per_photo_with_a_path_from_the_run(tmp_path: Path) -> None:
    run, subject = purified(tmp_path, {".": 2})
    assert caption_stage(run, Template(background="on a rock"), [subject], Backbone()) is True
    rows = read_jsonl(run.captions / "captions.jsonl", Sample)
    caption = Caption(noun="dog", identifier="zwx", background="on a rock")
    assert rows == [Sample(Path(f"1-purified/rex/0{n}-{n - 1}.png"), caption, "rex") for n in (1, 2)]
    assert all((run.root / row.image).is_file() for row in rows)


def test_runs_again_only_when_something_changed(tmp_path: Path) -> None:
    run, subject = purified(tmp_path, {".": 1})
    assert caption_stage(run, Template(), [subject], Backbone()) is True
    assert caption_stage(run, Template(), [subject], Backbone()) is False
    assert caption_stage(run, Template(style="a photo of"), [subject], Backbone()) is True
    other = subject.model_copy(update={"identifier": "sks"})
    assert caption_stage(run, Template(style="a photo of"), [other], Backbone()) is True
    (subject.photos / "0.txt").write_text("a dog")
    purify_stage(run, NoPurifier(), [other])
    assert caption_stage(run, Template(style="a photo of"), [other], Backbone()) is True


def test_words_of_captions_that_the_backbone_does_not_know_are_named_once(tmp_path: Path) -> None:
    """Not the subject's own: those were looked at before the run began, and an identifier may get a token row."""
    run, subject = purified(tmp_path, {".": 2})
    for number in range(2):
        (subject.photos / f"{number}.txt").write_text("a dog on a skateboard")
    purify_stage(run, NoPurifier(), [subject])
    facts = replace(Backbone().facts(), vocabulary=frozenset(["a", "on"]))
    with pytest.warns(UserWarning, match="does not know these words of the captions: skateboard$") as told:
        caption_stage(run, Sidecar(), [subject], SimpleNamespace(facts=lambda: facts))
    assert len(told) == 1


def test_kohya_repeats_become_rows_by_their_ratio(tmp_path: Path) -> None:
    """10 and 5 repeats: twice and once."""
    run, subject = purified(tmp_path, {"10_zwx dog": 1, "5_zwx dog at home": 2})
    caption_stage(run, Sidecar(), [subject], Backbone())
    texts = [row.caption.render() for row in read_jsonl(run.captions / "captions.jsonl", Sample)]
    assert texts == ["zwx dog at home", "zwx dog at home", "zwx dog", "zwx dog"]


def test_a_failed_captioner_leaves_no_manifest(tmp_path: Path) -> None:
    run, subject = purified(tmp_path, {".": 1})
    with pytest.raises(ImageError, match=r"0\.png has no caption"):
        caption_stage(run, Sidecar(), [subject], Backbone())
    assert not (run.captions / "manifest.json").exists()
