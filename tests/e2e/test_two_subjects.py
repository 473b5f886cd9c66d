"""Two subjects in one run, from the command line to the report; and two runs whose LoRAs are drawn with together."""

import sys
from pathlib import Path

import pytest

from staytrue.cli import main
from staytrue.runs import read_json, read_jsonl
from staytrue.types import Picture, Sample, Score
from tests.encoders.tiny_judges import tiny_clip, tiny_vit
from tests.tiny import tiny_sd

BENCH = Path(__file__).parents[2] / "src/staytrue/assets/minibench"
SMALL = """
[caption]
name = "template"
[regularize]
name = "class_prompt"
style = "a photo of"
count = 3
sampling = {{ steps = 1 }}
[train]
steps = 4
learning_rate = 1e-2
adapter = {adapter}
previews = {{ every = "4 steps", sampling = {{ steps = 1 }} }}
[generate]
prompts = ["a {{}} on the beach", "a {{}} next to a {{other}}"]
images_per_prompt = 2
sampling = {{ steps = 1 }}
[evaluate.metrics]
dino = {{ name = "dino", judge = "{vit}" }}
clip_i = {{ name = "clip_i", judge = "{clip}" }}
clip_t = {{ name = "clip_t", judge = "{clip}" }}
"""
CAT = """
[[subjects]]
name = "my-cat"
photos = "{photos}"
heldout = "{heldout}"
class_noun = "cat"
identifier = "sks"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("two")
    tiny_sd(home / "model", size=16)
    tiny_clip(home / "clip", side=16)
    tiny_vit(home / "vit", side=16)
    return home


def settings(home, adapter, with_cat=True, **changed):
    text = SMALL.format(adapter=adapter, vit=home / "vit", clip=home / "clip")
    cat = CAT.format(photos=BENCH / "cat/train", heldout=BENCH / "cat/heldout") if with_cat else ""
    (home / "settings.toml").write_text(text + cat)
    return home / "settings.toml"


def staytrue(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["staytrue", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def run(monkeypatch, home, out, config, *words, photos=BENCH / "dog6/train", noun="dog"):
    given = ("--class-noun", noun, "--out", home / out, "--backbone", home / "model", "--device", "cpu")
    staytrue(monkeypatch, "run", photos, *given, "--config", config, *words)
    return home / out


@pytest.mark.parametrize(
    "adapter", ['{ name = "cross_attention", initializers = ["red", "blue"] }', '{ name = "lora", rank = 2 }']
)
def test_two_subjects_from_photos_to_report(monkeypatch, home, adapter):
    pets = run(monkeypatch, home, f"pets-{len(adapter)}", settings(home, adapter))

    captions = read_jsonl(pets / "2-captions/captions.jsonl", Sample)
    assert {(s.subject, s.caption.render()) for s in captions} == {("train", "a olis dog"), ("my-cat", "a sks cat")}

    classes = read_jsonl(pets / "3-regularization/samples.jsonl", Sample)
    said = [("train", "a photo of a dog")] * 3 + [("my-cat", "a photo of a cat")] * 3
    assert [(s.subject, s.caption.render()) for s in classes] == said
    assert len({s.image for s in classes}) == 6

    card = (pets / "4-training/model/README.md").read_text()
    assert "2 subjects" in card
    words = ("<olis> dog", "<sks> cat") if "cross_attention" in adapter else ("olis dog", "sks cat")
    assert all(f"- `{word}`" in card for word in words)
    assert (pets / "4-training/previews/step-000004.png").is_file()

    pictures = read_jsonl(pets / "5-images/images.jsonl", Picture)
    asked = {(p.subjects, p.prompt, p.prompt_plain) for p in pictures if p.model == "personalized"}
    assert asked == {
        (("train",), "a olis dog on the beach", "a dog on the beach"),
        (("my-cat",), "a sks cat on the beach", "a cat on the beach"),
        (("train", "my-cat"), "a olis dog next to a sks cat", "a dog next to a cat"),
    }
    grids = sorted(p.name for p in (pets / "5-images").glob("grid-*.png"))
    assert grids == ["grid-my-cat.png", "grid-train+my-cat.png", "grid-train.png"]

    scores = read_jsonl(pets / "6-scores/scores.jsonl", Score)
    both = next(p.file for p in pictures if p.others)
    compared = {(s.metric, s.against, s.subject) for s in scores if s.file == both}
    assert compared == {
        ("dino", "trained", "train"),
        ("dino", "trained", "my-cat"),
        ("dino", "heldout", "my-cat"),
        ("clip_i", "trained", "train"),
        ("clip_i", "trained", "my-cat"),
        ("clip_i", "heldout", "my-cat"),
        ("clip_t", "prompt", ""),
    }
    summary = read_json(pets / "6-scores/summary.json")
    assert {row["cast"] for row in summary["casts"]} == {"train", "my-cat", "train + my-cat"}
    (overall,) = [
        r for r in summary["scores"] if (r["metric"], r["against"], r["model"]) == ("dino", "trained", "personalized")
    ]
    alone = [s.value for s in scores if (s.metric, s.against) == ("dino", "trained") and "+" not in s.file]
    assert overall["n"] == len(alone) // 2 == 4  # pictures of both are not in the mean over all
    report = (pets / "report.html").read_text()
    for shown in (
        "train + my-cat, in one picture",
        "a olis dog next to a sks cat",
        "olis dog, sks cat",
        "<h3>a photo of olis</h3>",
        "<h3>a photo of a sks cat</h3>",
        "<h3>a photo of sks</h3>",
    ):
        assert shown in report


def test_one_class_has_one_set_of_class_images(monkeypatch, home):
    """Two cats: their class images are drawn once, and stand in the rows of each."""
    config = settings(home, '{ name = "lora", rank = 2 }')
    cats = home / "cats"
    run(monkeypatch, home, "cats", config, "--dry-run", photos=BENCH / "cat2/train", noun="cat")
    staytrue(monkeypatch, "regularize", cats, "--device", "cpu")
    rows = read_jsonl(cats / "3-regularization/samples.jsonl", Sample)
    assert len(rows) == 6
    assert len({s.image for s in rows}) == 3


def test_loras_of_two_runs_are_drawn_with_together(monkeypatch, home):
    config = settings(home, '{ name = "lora", rank = 2 }', with_cat=False)
    alone = ('generate.prompts=["a {} next to a sks cat"]', "train.previews.every=null", "generate.base=false")
    dog = run(monkeypatch, home, "dog", config, *alone)
    cat = run(monkeypatch, home, "cat", config, *alone, "--identifier", "sks", photos=BENCH / "cat/train", noun="cat")
    before = {p.name.replace("-sks", ""): p.read_bytes() for p in (dog / "5-images").rglob("*-0.png")}
    trained = read_json(dog / "4-training/manifest.json")
    staytrue(monkeypatch, "generate", dog, f'generate.loras=[{{path="{cat}", weight=0.8}}]', "generate.lora_weight=0.7")
    after = {p.name: p.read_bytes() for p in (dog / "5-images").rglob("*-0.png")}
    assert before.keys() == after.keys()  # which are plain: the cat's run says what sks is
    assert all(before[name] != after[name] for name in before)
    assert read_json(dog / "4-training/manifest.json") == trained
