"""Every metric: one number in [-1, 1] per picture, in order, the same alone and among others."""

import numpy as np
import pytest
from PIL import Image

from staytrue.evaluate import METRICS, Judged, Metric
from staytrue.types import Facts
from tests.encoders.tiny_faces import tiny_faces, with_insightface
from tests.encoders.tiny_judges import tiny_clip, tiny_vit

SETTINGS = {"dino": tiny_vit, "clip_i": tiny_clip, "clip_t": tiny_clip, "face": tiny_faces}
FACTS = Facts("sd", "t", 64, (4, 8, 8), "epsilon")


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.fixture(scope="module", params=METRICS.names())
def case(request, tmp_path_factory):
    assert request.param in SETTINGS, "a metric without a setting here"
    metric = METRICS.get(request.param)(judge=str(SETTINGS[request.param](tmp_path_factory.mktemp("judge"))))
    pictures = [
        Judged(picture(i), prompt, (picture(7), picture(8))) for i, prompt in enumerate(["a dog", "a red cat", "a toy"])
    ]
    with pytest.MonkeyPatch.context() as patch:
        with_insightface(patch)
        yield metric, metric.encoder(FACTS).load(), pictures


def test_is_a_metric_and_documents_itself(case):
    metric, _, _ = case
    assert isinstance(metric, Metric)
    for word in ("Formula:", "Reads:", "Returns:", "Source:", "Known to fail:"):
        assert word in type(metric).__doc__


def test_one_score_per_picture_in_order(case):
    metric, encoder, pictures = case
    together = metric(encoder, pictures)
    assert len(together) == 3
    assert all(isinstance(score, float) and -1.001 <= score <= 1.001 for score in together)
    assert together == pytest.approx([metric(encoder, [p])[0] for p in pictures], abs=1e-5)
    assert together[::-1] == pytest.approx(metric(encoder, pictures[::-1]), abs=1e-5)


def test_reads_what_it_says(case):
    """A metric of photos ignores the prompt and the order of photos; one of prompts ignores the photos."""
    metric, encoder, [first, *_] = case
    score = metric(encoder, [first])
    other_prompt = Judged(first.image, "a blue robot on the grass", first.photos)
    other_photos = Judged(first.image, first.prompt, (picture(20),))
    turned = Judged(first.image, first.prompt, first.photos[::-1])
    same, changed = (other_prompt, other_photos) if metric.reads == "photos" else (other_photos, other_prompt)
    assert metric(encoder, [same]) == pytest.approx(score, abs=1e-6)
    assert metric(encoder, [turned]) == pytest.approx(score, abs=1e-6)
    assert metric(encoder, [changed]) != pytest.approx(score, abs=1e-6)


def test_the_photo_itself_is_most_alike(case):
    metric, encoder, [first, *_] = case
    if metric.reads == "photos":
        assert metric(encoder, [Judged(first.image, "", (first.image,))]) == pytest.approx([1.0], abs=1e-5)
