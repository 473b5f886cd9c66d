from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import BaseModel

from benchmarks.readme import table
from staytrue.encoders.judges import clip_judge
from staytrue.evaluate import ClipI, ClipT, Dino, Evaluate, Judged
from staytrue.evaluate.report import said_time, write_report
from staytrue.evaluate.similarity import mean_cosine_to_photos
from staytrue.evaluate.stage import Shown, _comparisons, evaluate_stage
from staytrue.images.photos import PhotoRow
from staytrue.runs import RunFolder, read_json, read_jsonl, write_json, write_jsonl
from staytrue.types import Facts, Picture, Score, Subject
from tests.encoders.tiny_judges import tiny_clip, tiny_vit

FACTS = Facts("sd", "tiny", 64, (4, 8, 8), "epsilon")
PROMPT = "a dog <script>alert('&')</script>"


def save(path, seed, size=64):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def made(tmp_path):
    run, heldout = RunFolder(tmp_path / "run"), tmp_path / "heldout"
    pictures = []
    for i in range(2):
        save(run.purified / "my-dog" / f"{i}.png", i)
        save(heldout / f"{i}.png", 10 + i)
        for model in ("base", "personalized"):
            pictures.append(Picture(f"my-dog/{model}/{i}.png", "my-dog", f"{PROMPT} olis", PROMPT, i, model))
            save(run.images / pictures[-1].file, 20 + len(pictures))
    write_jsonl(run.purified / "my-dog" / "photos.jsonl", [PhotoRow(f"{i}.png", None, "x", "0") for i in range(2)])
    write_jsonl(run.images / "images.jsonl", pictures)
    write_json(run.images / "manifest.json", {"key": "drawn", "duration_s": 2.5})
    vit, clip = str(tiny_vit(tmp_path / "vit")), str(tiny_clip(tmp_path / "clip"))
    evaluate = Evaluate(metrics={"dino": Dino(judge=vit), "clip_i": ClipI(judge=clip), "clip_t": ClipT(judge=clip)})
    return run, (Subject(name="my-dog", photos=tmp_path, class_noun="dog", heldout=heldout),), evaluate


def test_one_row_per_picture_metric_and_reference(made):
    run, subjects, evaluate = made
    assert evaluate_stage(run, evaluate, subjects, FACTS)
    scores = read_jsonl(run.scores / "scores.jsonl", Score)
    counts = {
        (s.metric, s.against): sum(o.metric == s.metric and o.against == s.against for o in scores) for s in scores
    }
    photos = [(metric, against) for metric in ("dino", "clip_i") for against in ("trained", "heldout")]
    assert counts == dict.fromkeys([*photos, ("clip_t", "prompt")], 4)
    assert all("cosine" in s.judge for s in scores)
    summary = read_json(run.scores / "summary.json")
    assert len(summary["scores"]) == 10  # five comparisons, two models
    assert len(summary["judges"]["dino"]["sha256"]) == 64
    assert not evaluate_stage(run, evaluate, subjects, FACTS)


def test_a_folder_with_other_weights_is_another_judge(made, tmp_path):
    run, subjects, evaluate = made
    evaluate_stage(run, evaluate, subjects, FACTS)
    before = read_json(run.scores / "summary.json")["judges"]
    tiny_vit(tmp_path / "vit", seed=1)
    assert evaluate_stage(run, evaluate, subjects, FACTS)
    after = read_json(run.scores / "summary.json")["judges"]
    assert after["dino"] != before["dino"]
    assert after["clip_i"] == before["clip_i"]
    (tmp_path / "vit").rename(tmp_path / "elsewhere")
    assert not evaluate_stage(run, evaluate, subjects, FACTS)  # what was scored stays scored


def test_a_subject_with_a_broad_class_noun_is_asked_for_by_that_too(made):
    run, (dog,), evaluate = made
    evaluate_stage(run, evaluate, (dog,), FACTS)
    before = read_json(run.scores / "summary.json")["scores"]
    for same in (None, "dog"):
        evaluate_stage(run, evaluate, (dog.model_copy(update={"class_noun_vague": same}),), FACTS)
        assert read_json(run.scores / "summary.json")["scores"] == before
    pet = dog.model_copy(update={"class_noun_vague": "animal"})
    assert evaluate_stage(run, evaluate, (pet,), FACTS)
    after = read_json(run.scores / "summary.json")["scores"]
    assert [row for row in after if row["against"] != "vague"] == before
    clip = clip_judge(evaluate.metrics["clip_t"].judge, FACTS).load()
    asked = [PROMPT, PROMPT.replace("a dog", "an animal")]
    with Image.open(run.images / "my-dog/base/0.png") as image:
        values = evaluate.metrics["clip_t"](clip, [Judged(image, text) for text in asked])
    scores = [s for s in read_jsonl(run.scores / "scores.jsonl", Score) if "base/0" in s.file and s.metric == "clip_t"]
    assert {s.against: s.value for s in scores} == pytest.approx(
        dict(zip(("prompt", "vague"), values, strict=True)), abs=1e-5
    )
    assert values[0] != pytest.approx(values[1], abs=1e-4)
    html = write_report(run, Config(subjects=(pet,), evaluate=evaluate)).read_text()
    assert "the same with the broad class noun" in html


@pytest.mark.parametrize("turn", [1, -1])
def test_a_picture_of_two_is_asked_for_by_the_broad_noun_of_either(tmp_path, turn):
    owl = Subject(name="owl", photos=tmp_path, class_noun="owl", class_noun_vague="bird", identifier="sks")
    two = (Subject(name="dog", photos=tmp_path, class_noun="dog"), owl)[::turn]
    plain = f"a {two[0].class_noun} by itself", "a dog next to an owl"
    pictures = [
        Picture(f"{n}.png", two[0].name, text, text, 0, others=others)
        for n, (text, others) in enumerate(zip(plain, ((), (two[1].name,)), strict=True))
    ]
    images = {picture.file: Image.new("RGB", (8, 8)) for picture in pictures}
    found = _comparisons(ClipT(), Shown(two, pictures, images, {}))
    vague = [judged.prompt for _, against, asked in found if against == "vague" for judged in asked.values()]
    assert vague == ["a dog next to a bird"] if turn == 1 else ["a bird by itself", "a dog next to a bird"]


def test_the_readme_s_table_is_of_the_prompts_as_they_are(tmp_path):
    run = RunFolder(tmp_path)
    row = {"metric": "clip_t", "model": "base", "mean": 0.3, "low": 0.2, "high": 0.4}
    write_json(run.config, {"config": {"subjects": [{"name": "can"}]}, "commit": None, "device": "cpu"})
    rows = [row | {"against": against} for against in ("prompt", "vague")]
    write_json(run.scores / "summary.json", {"scores": rows, "judges": {}})
    write_jsonl(run.images / "images.jsonl", [])
    said = [line for line in table(run.root).splitlines() if "clip_t" in line]
    assert said == ["| clip_t | the prompt | 0.300 ± 0.100 |  |"]


def test_scores_say_what_the_class_images_could_speak_of(made):
    """From the manifest of ``3-regularization``; another set of conditions is another result."""
    run, subjects, _ = made
    cheap = Evaluate(metrics={})
    evaluate_stage(run, cheap, subjects, FACTS)
    assert read_json(run.scores / "summary.json")["conditions"] == {}
    said = {"leak_guard": True, "evaluation_prompts": False, "unseen": {"colors": ["red"]}}
    write_json(run.regularization / "manifest.json", {"key": "set", "conditions": said})
    assert evaluate_stage(run, cheap, subjects, FACTS)
    assert read_json(run.scores / "summary.json")["conditions"] == said


def test_photos_are_asked_for_once_not_once_a_picture():
    """Hashing a large photo again for each of hundreds of pictures takes longer than scoring them."""
    asked = []

    class Encoder:
        def images(self, images):
            asked.append(images)
            return torch.tensor(images, dtype=torch.float32)

    first, second = ((1.0, 0.0), (0.6, 0.8)), ((0.0, 1.0),)
    pictures = [Judged((0.8, 0.6), "", photos) for photos in (first, second, first)]
    assert mean_cosine_to_photos(Encoder(), pictures) == pytest.approx([0.88, 0.6, 0.88])
    assert asked[1:] == [list(first), list(second)]


def test_held_out_photos_in_subfolders_count_too(made):
    """As kohya's trainers name them; another photo there is another result."""
    run, subjects, _ = made
    cheap, photo = Evaluate(metrics={}), subjects[0].heldout / "2_olis dog" / "a.png"
    save(photo, 30)
    assert evaluate_stage(run, cheap, subjects, FACTS)
    assert not evaluate_stage(run, cheap, subjects, FACTS)
    save(photo, 31)
    assert evaluate_stage(run, cheap, subjects, FACTS)


def test_trained_and_held_out_photos_are_not_mixed(made):
    run, subjects, evaluate = made
    evaluate_stage(run, evaluate, subjects, FACTS)
    before = {(s.metric, s.against, s.file): s.value for s in read_jsonl(run.scores / "scores.jsonl", Score)}
    save(subjects[0].heldout / "0.png", 99)
    assert evaluate_stage(run, evaluate, subjects, FACTS)  # the held-out photos are among the inputs
    after = {(s.metric, s.against, s.file): s.value for s in read_jsonl(run.scores / "scores.jsonl", Score)}
    changed = {key[1] for key in before if before[key] != after[key]}
    assert changed == {"heldout"}


def test_the_miniatures_judges_refuse_and_say_so(made, tmp_path, monkeypatch):
    run, subjects, _ = made
    folders = {"clip": str(tmp_path / "clip"), "instance": str(tmp_path / "vit")}
    monkeypatch.setattr("staytrue.encoders.judges._embedded", folders.__getitem__)
    minis = Evaluate()
    facts = Facts("sd", "mini", 64, (4, 8, 8), "epsilon", is_miniature=True)
    with pytest.warns(UserWarning, match="was not scored: these do not look like the miniature's drawn world"):
        evaluate_stage(run, minis, subjects, facts)
    assert {s.metric for s in read_jsonl(run.scores / "scores.jsonl", Score)} == {"clip_t"}  # reads no photo
    assert len(read_json(run.scores / "summary.json")["refused"]) == 4


def test_a_judge_that_is_not_there_costs_its_scores_and_not_the_report(made, tmp_path):
    """Stage 6 comes after hours of training: what can be scored is, the rest is told, and asked for again the next time."""
    run, subjects, evaluate = made
    lacking = Evaluate(metrics=evaluate.metrics | {"dino": Dino(judge=str(tmp_path / "soon"))})
    with pytest.warns(UserWarning, match=r"dino against heldout was not scored: the judge .*soon cannot be loaded"):
        assert evaluate_stage(run, lacking, subjects, FACTS)
    assert {s.metric for s in read_jsonl(run.scores / "scores.jsonl", Score)} == {"clip_i", "clip_t"}
    html = write_report(run, Config(subjects=subjects, evaluate=lacking)).read_text()
    assert html.count("dino (my-dog, against ") == 2
    assert "name a folder that holds it" in html
    (tmp_path / "vit").rename(tmp_path / "soon")
    assert evaluate_stage(run, lacking, subjects, FACTS)
    assert {s.metric for s in read_jsonl(run.scores / "scores.jsonl", Score)} == {"dino", "clip_i", "clip_t"}
    assert not evaluate_stage(run, lacking, subjects, FACTS)


@pytest.mark.parametrize("lost", ["tokenizer_config.json", "model.safetensors"])
def test_a_judge_with_broken_files_is_said_to_be(made, tmp_path, lost):
    run, subjects, evaluate = made
    (tmp_path / "clip" / lost).write_bytes(b"{ half a fi")
    with pytest.warns(UserWarning, match="clip_t against prompt was not scored: the judge .*clip cannot be loaded"):
        evaluate_stage(run, Evaluate(metrics={"clip_t": evaluate.metrics["clip_t"]}), subjects, FACTS)
    assert read_jsonl(run.scores / "scores.jsonl", Score) == []
    assert [refused["metric"] for refused in read_json(run.scores / "summary.json")["refused"]] == ["clip_t"]


def test_judges_are_looked_for_in_folders_and_in_the_hubs_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "models--some--vit"
    (kept / "snapshots" / "1").mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("1")
    (kept / "snapshots" / "1" / "model.safetensors").write_bytes(b"x")
    clip = ClipI(judge=str(tiny_clip(tmp_path / "clip")))
    metrics = {"here": clip, "cached": Dino(judge="some/vit"), "hub": Dino(), "folder": Dino(judge="/no/such/folder")}
    assert Evaluate(metrics=metrics).absent(FACTS) == {"hub": "facebook/dino-vits16", "folder": "/no/such/folder"}
    assert not Evaluate().absent(Facts("sd", "mini", 64, (4, 8, 8), "epsilon", is_miniature=True))


class Config(BaseModel):
    subjects: tuple[Subject, ...]
    evaluate: Evaluate

    @property
    def backbone(self):
        return SimpleNamespace(facts=lambda: Facts("sd", "mini", 64, (4, 8, 8), "epsilon", is_miniature=True))


def test_the_report_is_one_offline_file_with_escaped_text(made):
    run, subjects, evaluate = made
    evaluate_stage(run, evaluate, subjects, FACTS)
    write_jsonl(run.training / "curve.jsonl", [{"step": s, "learning_rate": 1, "subject": 1 / s} for s in (10, 20, 30)])
    html = write_report(run, Config(subjects=subjects, evaluate=evaluate)).read_text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "http" not in html
    assert html.count("data:image/png") == 2 + 2 + 4
    for words in ("This is the miniature", "Held out", "polyline", "evaluate.metrics.dino.judge", "2.5 s", "DINO"):
        assert words in html
    assert "staytrue run PHOTOS --class-noun NOUN --backbone " in html  # without a noun the command is refused


def test_the_report_shows_which_checkpoint_was_kept_and_why(made):
    """Two candidates beside the base model; the first was kept, the second lost the prompt."""
    run, subjects, evaluate = made
    names = ("step", "identity", "alignment", "seconds", "training_seconds")
    table = [(0, 0.5, 0.3, 0.4, 0), (100, 0.7, 0.29, 0.4, 9), (200, 0.8, 0.1, 0.4, 9)]
    write_jsonl(run.training / "selection.jsonl", [dict(zip(names, row, strict=True)) for row in table])
    chosen = {"step": 100, "identity": 0.7, "alignment": 0.29, "base_alignment": 0.3, "floor": 0.28, "seconds": 1.2}
    chosen |= {"training_seconds": 18, "share": 0.0667, "stopped_early": True, "encoder": "some CLIP"}
    write_json(run.training / "manifest.json", {"key": "trained", "duration_s": 20.0, "selected": chosen})
    html = write_report(run, Config(subjects=subjects, evaluate=evaluate)).read_text()
    assert html.count("<polyline") == 2
    assert "Step <b>100</b> was kept" in html
    assert "after step 200" in html
    assert "6.7 % of the time" in html
    # x runs from 52 at step 0 to 708 at step 200, y from 212 at the least value, 0.1, up to 14 at the largest, 0.8
    assert 'points="52.0,98.9 380.0,42.3 708.0,14.0 "' in html
    assert 'x1="380.0" x2="380.0"' in html
    assert "below the least alignment" in html.split("<td>200</td>")[1].split("</tr>")[0]
    assert "kept" in html.split("<td>100</td>")[1].split("</tr>")[0]


def test_a_report_of_a_bare_run_leaves_out_what_is_not_there(made):
    run, subjects, evaluate = made
    html = write_report(run, Config(subjects=subjects, evaluate=evaluate)).read_text()
    assert "polyline" not in html
    assert "<h2>Scores</h2>" not in html
    assert "Which checkpoint" not in html


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.44, "0.4 s"), (12.4, "12 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_said_time(seconds, said):
    assert said_time(seconds) == said
