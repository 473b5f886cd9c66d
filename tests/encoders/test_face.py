"""Faces: which one is read, what none is worth, and what is said where something lacks."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from staytrue.encoders import FaceJudge
from staytrue.encoders.checkpoint import at_hand
from staytrue.errors import BackboneError, ImageError
from staytrue.evaluate import METRICS, Judged
from staytrue.types import Facts
from tests.encoders.tiny_faces import tiny_faces, with_insightface

FACTS = Facts("sd", "t", 64, (4, 8, 8), "epsilon")


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 200, (32, 32, 3), dtype=np.uint8))


@pytest.fixture
def judge(tmp_path, monkeypatch):
    with_insightface(monkeypatch)
    return FaceJudge(str(tiny_faces(tmp_path / "auraface"))).load()


def test_the_largest_face_is_read_and_colors_are_in_the_order_that_insightface_takes(judge):
    whole = picture(1)
    only = Image.new("RGB", (32, 32), "white")
    only.paste(whole.crop((16, 0, 32, 32)), (16, 0))
    one, other = judge.images([whole, only])
    torch.testing.assert_close(one, other)
    red = judge.images([Image.new("RGB", (32, 32), (200, 10, 10))])[0]
    assert (red[:3] > 0).tolist() == [False, False, True]  # blue, green, red


def test_a_picture_without_a_face_has_0_and_photos_without_one_are_left_out(judge):
    white = Image.new("RGB", (32, 32), "white")
    metric = METRICS.get("face")(judge="anything")
    shown = [Judged(white, "a man", (picture(1),)), Judged(picture(1), "a man", (picture(1), white))]
    assert metric(judge, shown) == pytest.approx([0.0, 1.0])
    with pytest.raises(ImageError, match="no face is found in any of the 2 photos"):
        metric(judge, [Judged(picture(1), "a man", (white, white))])


def test_what_judged_is_said(judge, tmp_path):
    assert judge.judge.startswith("auraface; the largest face, cosine; sha256 ")
    assert at_hand(str(tmp_path / "auraface"))
    (tmp_path / "auraface/recognition.onnx").write_bytes(b"other weights")
    assert FaceJudge(str(tmp_path / "auraface")).load().sha256 != judge.sha256


def test_it_is_off_by_default_and_needs_a_judge():
    from staytrue.evaluate.config import Evaluate

    assert "face" not in Evaluate().metrics
    with pytest.raises(ValueError, match="judge"):
        METRICS.get("face")()


def test_what_lacks_is_said_with_the_command(tmp_path, monkeypatch):
    with pytest.raises(BackboneError, match=r"no \.onnx files in .*hf download fal/AuraFace-v1"):
        FaceJudge(str(tmp_path / "nothing")).load()
    monkeypatch.setitem(sys.modules, "insightface.app", None)
    with pytest.raises(BackboneError, match=r"pip install 'staytrue\[faces\]'"):
        FaceJudge(str(tiny_faces(tmp_path / "auraface"))).load()


def test_a_run_names_it_in_one_setting(tmp_path):
    from staytrue.backbones import SD
    from staytrue.config import overridden, parse, values_of
    from staytrue.recipes import recipe

    asked = f"evaluate.metrics.face={{name='face', judge='{tmp_path}'}}"
    config = parse(overridden(values_of(recipe("dreambooth", SD())), [asked]))
    assert config.evaluate.metrics["face"].encoder(FACTS) == FaceJudge(str(tmp_path))
    assert set(config.evaluate.metrics) == {"dino", "clip_i", "clip_t", "face"}
