"""Each captioner's own rules."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from staytrue.caption.background import Background, built_in_phrases
from staytrue.caption.base import Uncaptioned
from staytrue.caption.blip import Blip
from staytrue.caption.sidecar import Sidecar
from staytrue.caption.template import Template
from staytrue.encoders.own import own_clip
from staytrue.errors import BackboneError, ImageError
from staytrue.types import Caption, Facts, Subject
from tests.caption.tiny_models import tiny_blip, tiny_clip

SUBJECT = Subject(name="rex", photos=Path("."), class_noun="dog", identifier="zwx")
FACTS = Facts("sd", "tiny", 32, (4, 8, 8), "epsilon")


def photos(*texts: str | None) -> list[Uncaptioned]:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)) for _ in texts]
    return [
        Uncaptioned(f"{i}.jpg", picture, text) for i, (picture, text) in enumerate(zip(pictures, texts, strict=True))
    ]


def test_template_is_dreambooths_by_default() -> None:
    assert [c.render() for c in Template().captions(photos(None, None), SUBJECT, FACTS)] == ["a zwx dog"] * 2


def test_template_slots() -> None:
    template = Template(style="a photo of", details="wearing a collar", background="on the grass")
    (caption,) = template.captions(photos(None), SUBJECT, FACTS)
    assert caption.render() == "a photo of a zwx dog wearing a collar on the grass"
    assert caption.background == "on the grass"


def test_sidecar_takes_each_photos_text() -> None:
    captions = Sidecar().captions(photos("a dog on a rock", "zwx at home"), SUBJECT, FACTS)
    assert [c.render() for c in captions] == ["a zwx dog on a rock", "zwx at home"]
    assert captions[0].background == "on a rock"


def test_sidecar_names_every_photo_it_cannot_caption() -> None:
    with pytest.raises(ImageError) as error:
        Sidecar().captions(photos("a dog", None, "a cat on a rock"), SUBJECT, FACTS)
    message = str(error.value)
    assert "1.jpg has no caption" in message
    assert "2.jpg says 'a cat on a rock'" in message
    assert "0.jpg" not in message


def scored(monkeypatch, table: list[list[float]]) -> list[list[str]]:
    """Replaces CLIP by a table; returns the texts it was asked about."""
    asked: list[list[str]] = []

    class Table:
        """Texts are directions of their own, so a picture is its row."""

        def load(self):
            return self

        def images(self, pictures):
            return torch.tensor(table)

        def texts(self, texts):
            asked.append(texts)
            return torch.eye(len(texts))

    monkeypatch.setattr("staytrue.encoders.own.own_clip", lambda checkpoint, facts: Table())
    return asked


def test_background_takes_the_best_phrase_of_each_photo(monkeypatch) -> None:
    asked = scored(monkeypatch, [[0.2, 0.3, 0.1], [0.2, 0.21, 0.25]])
    captions = Background(phrases=("on a rock", "in the snow")).captions(photos(None, None), SUBJECT, FACTS)
    assert [c.render() for c in captions] == ["a zwx dog on a rock", "a zwx dog in the snow"]
    assert asked == [["a dog", "a dog on a rock", "a dog in the snow"]]


def test_background_says_so_where_nothing_fits(monkeypatch) -> None:
    """Gains over "a dog" are 0.02 and 0.004 where 0.01 is asked."""
    scored(monkeypatch, [[0.2, 0.22], [0.2, 0.204]])
    with pytest.warns(
        UserWarning, match=r"no background phrase fits 1.jpg \(the best, 'on a rock', gains 0.004 of 0.010\)"
    ):
        captions = Background(phrases=("on a rock",), margin=0.01).captions(photos(None, None), SUBJECT, FACTS)
    assert [c.background for c in captions] == ["on a rock", ""]


def test_background_prefers_the_backbones_own_words(monkeypatch) -> None:
    asked = scored(monkeypatch, [[0.0, 1.0]])
    facts = Facts("sd", "tiny", 32, (4, 8, 8), "epsilon", words={"backgrounds": ["underwater"]})
    Background().captions(photos(None), SUBJECT, facts)
    assert asked == [["a dog", "a dog underwater"]]


def test_built_in_backgrounds_are_a_clean_list() -> None:
    phrases = built_in_phrases()
    assert 35 <= len(phrases) == len(set(phrases)) <= 60
    assert all(p == p.strip().lower() and len(p.split()) >= 2 for p in phrases)


def test_cosines_are_clips(tmp_path: Path) -> None:
    """CLIP's own logits are cosine times exp(logit_scale)."""
    folder = tiny_clip(tmp_path / "clip")
    pictures, texts = [p.image for p in photos(None, None, None)], ["a dog", "a red dog on the beach"]
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    with torch.no_grad():
        output = model(**processor(text=texts, images=pictures, padding=True, return_tensors="pt"))
    expected = output.logits_per_image / model.logit_scale.exp()
    clip = own_clip(str(folder), FACTS).load()
    torch.testing.assert_close(clip.images(pictures) @ clip.texts(texts).T, expected)


def test_background_with_a_real_clip(tmp_path: Path) -> None:
    captioner = Background(
        checkpoint=str(tiny_clip(tmp_path / "clip")), phrases=("on the beach", "on the grass"), margin=-1
    )
    captions = captioner.captions(photos(None, None), SUBJECT, FACTS)
    assert all(c.background in captioner.phrases for c in captions)


def test_blip_continues_from_the_noun_and_gets_the_identifier(tmp_path: Path) -> None:
    captioner = Blip(checkpoint=str(tiny_blip(tmp_path / "blip")), max_new_tokens=5)
    first, again = (captioner.captions(photos(None, None), SUBJECT, FACTS) for _ in range(2))
    assert all(c.render().startswith("a zwx dog") for c in first)
    assert first == again


def test_blip_length_is_bounded(tmp_path: Path) -> None:
    folder = str(tiny_blip(tmp_path / "blip"))
    lengths = [
        len(
            Blip(checkpoint=folder, max_new_tokens=n, beams=1)
            .captions(photos(None), SUBJECT, FACTS)[0]
            .render()
            .split()
        )
        for n in (1, 8)
    ]
    assert lengths[0] <= 4 < lengths[1]


@pytest.mark.parametrize("captioner", [Blip(checkpoint="/nowhere/blip"), Background(checkpoint="/nowhere/clip")])
def test_absent_checkpoints_say_what_to_do(captioner) -> None:
    with pytest.raises(BackboneError, match=r"(?s)/nowhere.*caption\.name="):
        captioner.captions(photos(None), SUBJECT, FACTS)


def test_no_captioner_warns_without_reason(monkeypatch) -> None:
    scored(monkeypatch, [[0.0, 1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        captions = Background(phrases=("on a rock",)).captions(photos(None), SUBJECT, FACTS)
    assert captions == [Caption(noun="dog", identifier="zwx", background="on a rock")]
