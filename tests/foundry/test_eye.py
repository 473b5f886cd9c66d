"""Labels made by eye are work that no command may throw away."""

import json

import numpy as np
import pytest

from foundry.models import eye
from foundry.models.zero_shot import PARTS

ASKED = [("red", "dog", "on the beach"), ("blue", "cat", "in the snow")]


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A place for labels and sheets, and a denoiser of two gray pictures."""
    monkeypatch.setattr(eye, "LABELS", tmp_path / "by_eye.jsonl")
    monkeypatch.setattr(eye, "SHEETS", tmp_path)
    monkeypatch.setattr(eye, "COUNT", len(ASKED))
    monkeypatch.setattr(eye, "triples", lambda: ASKED)
    monkeypatch.setattr(eye, "unet_sha256", lambda: "this one")
    monkeypatch.setattr(eye, "drawn", lambda: np.full((len(ASKED), 8, 8, 3), 128, np.uint8))
    return tmp_path


def labelled(at, unet, **told):
    """Two lines as a person leaves them; the first may be told something, the second is empty."""
    rows = [{"asked": str(i), **dict.fromkeys(PARTS), "unet": unet} for i in range(2)]
    rows[0] |= told
    eye.LABELS.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return eye.LABELS.read_bytes()


@pytest.mark.parametrize("part", PARTS)
def test_labels_of_this_denoiser_are_not_overwritten(at, monkeypatch, part):
    """Not even when one word of them is filled in, and that word is false."""
    before = labelled(at, "this one", **{part: False})
    monkeypatch.setattr(eye, "drawn", lambda: pytest.fail("drew"))
    with pytest.raises(SystemExit, match="labels of this very denoiser"):
        eye.write_sheets()
    assert eye.LABELS.read_bytes() == before
    assert [p.name for p in at.iterdir()] == ["by_eye.jsonl"]


@pytest.mark.parametrize(("unet", "told"), [("another", {"noun": True}), ("this one", {})], ids=["another's", "empty"])
def test_labels_of_another_denoiser_and_empty_ones_make_way(at, unet, told):
    labelled(at, unet, **told)
    eye.write_sheets()
    rows = eye.labels()
    assert [row["asked"] for row in rows] == ["0: red dog on the beach", "1: blue cat in the snow"]
    assert {row["unet"] for row in rows} == {"this one"}
    assert all(row[part] is None for row in rows for part in PARTS)
    assert (at / "by-eye-1.png").is_file()
