"""What training did to the words: on a model that was not trained nothing, and on one that was, something."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from staytrue.backbones import SD
from staytrue.bench import metrics
from staytrue.bench.minibench import minibench, plan, suites
from staytrue.bench.results import read_results
from staytrue.bench.summary import measured, summary
from staytrue.bench.words import class_attention, noun_places, words_of
from staytrue.config import parse
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import RunFolder
from tests.bench.records import record, results
from tests.bench.small import asked, tiny_models
from tests.tiny import tiny_sd


def test_formulas_by_hand():
    """Cosine of (3, 4) and (4, 3): 24/25. Attention from .2 to .15 and from .1 to .2."""
    import numpy as np

    assert metrics.phrase_distance(np.array([[3.0, 4.0]]), np.array([[8.0, 6.0]])) == pytest.approx([1 / 25])
    assert metrics.class_attention([0.15, 0.2], [0.2, 0.1]) == pytest.approx([0.75, 2.0])


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd") / "tiny"))).load()


def test_the_place_of_the_noun_is_its_last(backbone):
    [place] = noun_places(backbone, "a dog and a photo of a olis dog", "dog")
    ids = backbone.tokens(["a dog and a photo of a olis dog"])[0].tolist()
    end = ids.index(backbone.tokenizer.eos_token_id)
    assert place == end - 1
    with pytest.raises(ValueError, match="'cat'"):
        noun_places(backbone, "a photo of a dog", "cat")


def replaced(loaded, part):
    """Other weights, the same each time, for the keys of the cross-attention, or for the whole text encoder."""
    torch.manual_seed(0)
    for name, parameter in getattr(loaded, part).named_parameters() if part else ():
        if "attn2.to_k" in name or part == "text_encoder":
            nn.init.normal_(parameter, std=0.5)


def test_another_text_encoder_moves_the_phrase_and_another_denoiser_the_attention(backbone, tmp_path, monkeypatch):
    """The files of a training are not read here: what was "trained" is put in the place of what they hold."""
    subject, spec = bundled_subject("can"), SD(path=str(tiny_sd(tmp_path / "sd")))
    config = parse({"backbone": {"name": "sd", "path": spec.path}, "subjects": [subject.model_dump(mode="json")]})

    def changed(part):
        def put(loaded, *_):
            replaced(loaded, part)

        monkeypatch.setattr("staytrue.bench.words.personalize", put)
        return words_of(RunFolder(tmp_path), config, "cpu")

    same, denoiser, text = changed(""), changed("unet"), changed("text_encoder")
    base = spec.load()
    prompts = [f"a photo of a {words}can" for words in ("olis ", "")]
    rare, frequent = (class_attention(base, prompt, subject) for prompt in prompts)
    expected = [a / b for a, b in zip(rare, frequent, strict=True)]
    assert same["class_attention"] == pytest.approx(expected)
    assert len(expected) == 3 * 3  # photos kept apart, at three times
    phrase, anchor = base.pooled_text(prompts)
    assert same["phrase_distance"] == pytest.approx([1 - cosine_similarity(phrase, anchor, dim=0).item()], abs=1e-6)
    assert 0 < same["phrase_distance"][0] == denoiser["phrase_distance"][0]
    other = spec.load()
    replaced(other, "text_encoder")
    moved = other.pooled_text(prompts[:1])[0]
    assert text["phrase_distance"] == pytest.approx([1 - cosine_similarity(moved, anchor, dim=0).item()], abs=1e-6)
    assert all(a != b for a, b in zip(denoiser["class_attention"], same["class_attention"], strict=True))


def test_attention_does_not_depend_on_chance(backbone):
    subject = bundled_subject("can")
    one, two = (class_attention(backbone, "a photo of a olis can", subject) for _ in range(2))
    assert one == two
    assert all(0 < value < 1 for value in one)


def test_a_suite_asks_for_them(tmp_path):
    models = tiny_models(tmp_path)
    told = asked(models, tmp_path, bench={"words": True, "prompts": 1})
    [file] = minibench(told, device="cpu")
    found = read_results(file)
    assert len(found.records[0]["phrase_distance"]) == 1
    assert len(found.records[0]["class_attention"]) == 3 * 3
    assert measured([found])[-2:] == ("phrase_distance", "class_attention")
    plain = asked(models, tmp_path, bench={"prompts": 1})
    keys = [plan(suites(one)[0], one).settings[0].key for one in (told, plain)]
    assert keys[0] == found.header["key"] != keys[1]


def test_they_are_in_the_summary_where_they_were_measured():
    """Distances .1 and .3, of two trainings; the other result has none, and no difference."""
    rows = [record("dog", (0, 0, 0), seed, phrase_distance=[value]) for seed, value in ((0, 0.1), (1, 0.3))]
    found = summary([results("a", *rows), results("b", record("dog", (0, 0, 0)))])
    assert found["recipes"]["a"]["phrase_distance"]["mean"] == pytest.approx(0.2)
    assert "phrase_distance" not in found["recipes"]["b"]
    assert "phrase_distance" not in found["paired"]["a-vs-b"]
    assert "class_attention" not in found["recipes"]["a"]
