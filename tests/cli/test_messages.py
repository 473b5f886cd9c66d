"""What a user reads when something is wrong: the message, exit code 2, and no traceback."""

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from staytrue.cli import app, main
from staytrue.runs import read_json, read_jsonl
from tests.backbones.test_sd import fake_file
from tests.tiny import tiny_sd

PHOTOS = "src/staytrue/assets/minibench/dog6/train"


def typed(monkeypatch, *words):
    """Runs a command line in this process and returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["staytrue", *map(str, words)])
    with pytest.raises(SystemExit) as exit:
        main()
    return exit.value.code or 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", PHOTOS], "--class-noun dog"),
        (["protect", PHOTOS], "--class-noun dog"),
        (["run", PHOTOS, "--class-noun", "dog", "--recipe", "dreamboth"], "dreambooth, data-perspective"),
        (["run", PHOTOS, "--class-noun", "dog", "train.stepz=3"], "train.stepz: no such setting; there are: "),
        (["run", PHOTOS, "--class-noun", "dog", "train.steps=many"], "train.steps: "),
        (["run", PHOTOS, "--class-noun", "dog", "generate.sampling.steps=1001"], "generate.sampling.steps: "),
        (
            ["run", PHOTOS, "--class-noun", "dog", "caption.name=poet"],
            "caption.name: no 'poet'; there are: background, blip",
        ),
        (["run", PHOTOS, "--class-noun", "dog", "train.steps"], "section.field=value"),
        (["run", PHOTOS, "--class-noun", "dog", "--config", "no.toml"], "no.toml"),
        (["run", "no/such/folder", "--class-noun", "dog", "--dry-run"], "no/such/folder"),
        (["run", PHOTOS, "--class-noun", "dog", "--backbone", "no/such/model/at-all"], "no/such/model"),
        (["run", PHOTOS, "--class-noun", "dog", "--backbone", "models/sd.safetensors"], "no checkpoint at 'models/sd"),
        (["run", PHOTOS, "--class-noun", "dog", "--dry-run", "--device", "gpu"], "--device gpu: not usable here"),
        (
            ["run", PHOTOS, "--class-noun", "dog", "--dry-run", "generate.prompts=a {} on the moon"],
            """prompts themselves are a list, 'generate.prompts=["a {} on the beach"]'""",
        ),
        (["run", PHOTOS, "--class-noun", "dog", "--config", "src"], "cannot read src as a TOML file"),
        (["run", PHOTOS, "--class-noun", "dog", "train.steps=2024-01-01"], "train.steps: "),
        (["train", "no/such/run"], "is not a run folder"),
        (["list", "colors"], "purifiers"),
        (["show", "nothing"], "staytrue"),
    ],
)
def test_bad_input_exits_2_with_a_message(words, said, monkeypatch, capsys, tmp_path):
    out = ["--out", tmp_path / "run"] if words[0] in ("run", "protect") else []
    assert typed(monkeypatch, *words, *out) == 2
    output = capsys.readouterr().err
    assert said in output
    assert "Traceback" not in output


def helps(command, name=""):
    """The help of every argument and option, by verb and name."""
    for verb, one in getattr(command, "commands", {}).items():
        yield from helps(one, f"{name} {verb}".strip())
    for one in command.params:
        yield (name, one.name), getattr(one, "help", None) or ""


def test_helps_say_whose_settings_they_take_and_nothing_that_is_read_as_markup():
    """Square brackets are not printed."""
    said = dict(helps(get_command(app)))
    assert not [text for text in said.values() if "[" in text]
    settings = {verb: text for (verb, name), text in said.items() if name == "overrides"}
    assert {verb for verb, text in settings.items() if "recipe's" in text} == {"run", "show"}
    for verb, section in (("words", "words"), ("list", "identifiers"), ("protect", "protect")):
        assert f"{section}.field=value" in settings[verb]
    assert "runs/demo" in said["demo", "out"]
    assert "miniature" in said["run", "backbone"]


@pytest.mark.parametrize("out", ["file", "file/below"])
@pytest.mark.parametrize(
    "words",
    [["run", PHOTOS, "--class-noun", "dog", "--dry-run"], ["protect", PHOTOS, "--class-noun", "dog"], ["words"]],
)
def test_a_file_is_no_folder_to_write_into(monkeypatch, capsys, tmp_path, words, out):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9")  # never asked
    monkeypatch.setenv("OPENAI_MODEL", "any")
    assert typed(monkeypatch, *words, "--out", tmp_path / out) == 2
    assert "no folder can be made there" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_made_inside_its_folder_is_named_after_it(monkeypatch, tmp_path):
    (tmp_path / "my-run").mkdir()
    photos = Path(PHOTOS).resolve()
    monkeypatch.chdir(tmp_path / "my-run")
    assert typed(monkeypatch, "run", photos, "--class-noun", "dog", "--dry-run", "--out", ".") == 0
    assert [one["name"] for one in read_json(Path("config.json"))["config"]["subjects"]] == ["my-run"]


def test_a_config_file_in_another_encoding_is_said_to_be(monkeypatch, capsys, tmp_path):
    file = tmp_path / "old.toml"
    file.write_bytes('generate.suffix = "é"'.encode("latin-1"))
    assert typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--config", file, "--out", tmp_path / "run") == 2
    assert f"cannot read {file} as a TOML file in UTF-8" in capsys.readouterr().err


@pytest.mark.miniature
@pytest.mark.parametrize("recipe", ["custom-diffusion", "dco", "shortcut-defense"])
def test_a_shown_recipe_is_a_file_for_config(monkeypatch, capsys, tmp_path, recipe):
    """Also what it sets to nothing, and objectives of the default recipe that it lacks."""
    typed(monkeypatch, "show", recipe)
    (tmp_path / "shown.toml").write_text(capsys.readouterr().out)
    for out, told in (("by-name", ["--recipe", recipe]), ("by-file", ["--config", tmp_path / "shown.toml"])):
        told = [*told, "--class-noun", "dog", "--dry-run", "--out", tmp_path / out]
        assert typed(monkeypatch, "run", PHOTOS, *told, "train.batch=3") == 0
    by_name, by_file = ((tmp_path / out / "config.json").read_text() for out in ("by-name", "by-file"))
    assert by_file.replace("by-file", "by-name") == by_name


@pytest.mark.parametrize("content", ['{"model_type": "vit"}', "[]", "3", "not json", '{"config": 3}'])
def test_a_folder_with_a_foreign_config_is_no_run(monkeypatch, capsys, tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    assert typed(monkeypatch, "train", tmp_path) == 2
    said = capsys.readouterr().err
    assert "Error: " in said
    assert "Traceback" not in said


@pytest.mark.miniature
@pytest.mark.parametrize(("name", "better"), [("my dog (1)", "my-dog-1"), ("[!]", "my-subject")])
def test_a_photo_folder_that_cannot_name_the_subject_is_said_before_anything_starts(
    monkeypatch, capsys, tmp_path, name, better
):
    """The override that the message names is the remedy."""
    photos, out = tmp_path / name, tmp_path / "runs" / "one"
    shutil.copytree(PHOTOS, photos)
    monkeypatch.chdir(tmp_path)
    words = ["run", photos, "--class-noun", "dog", "--dry-run"]
    assert typed(monkeypatch, *words) == 2
    assert f"subjects.0.name={better}" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert typed(monkeypatch, *words, "--out", out, f"subjects.0.name={better}") == 0


def test_judges_that_are_not_here_are_warned_of_before_anything_is_trained(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("staytrue.encoders.checkpoint._cached", lambda checkpoint: [])
    backbone = tiny_sd(tmp_path / "sd", size=16)
    words = ["run", PHOTOS, "--class-noun", "dog", "--backbone", backbone, "--out", tmp_path / "run", "--dry-run"]
    assert typed(monkeypatch, *words) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning: the judge ")]
    assert [line.split()[3] for line in warned] == ["facebook/dino-vits16", "openai/clip-vit-base-patch32"]
    assert "hf download facebook/dino-vits16" in warned[0]
    assert "evaluate.metrics.dino.judge=/models/dino-vits16" in warned[0]
    assert "(evaluate.metrics.clip_i, evaluate.metrics.clip_t)" in warned[1]


def test_dry_run_checks_saves_and_stops(monkeypatch, capsys, tmp_path):
    out = tmp_path / "run"
    assert typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", out, "--dry-run") == 0
    assert sorted(p.name for p in out.iterdir()) == [".lock", "config.json"]


@pytest.mark.miniature
def test_says_that_the_miniature_runs_and_how_to_name_a_checkpoint(monkeypatch, capsys, tmp_path):
    typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", tmp_path / "run", "--dry-run")
    said = capsys.readouterr().err
    assert "miniature" in said
    assert "--backbone stable-diffusion-v1-5/stable-diffusion-v1-5" in said


@pytest.mark.miniature
def test_warns_of_words_that_the_miniature_does_not_know(monkeypatch, capsys, tmp_path):
    prompts = 'generate.prompts=["a {} on a zeppelin", "a {} on the beach"]'
    typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", tmp_path / "run", "--dry-run", prompts)
    warning = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning"))
    assert warning.endswith("does not know: zeppelin")


@pytest.mark.miniature
@pytest.mark.parametrize(
    ("settings", "unknown"),
    [
        (["--class-noun", "dog"], ""),
        (["--class-noun", "zeppelin", "--identifier", "flimm"], "flimm, zeppelin"),
        (["--class-noun", "dog", "protect.method=glaze", "protect.method.style=an ukiyoe of"], "ukiyoe"),
    ],
)
def test_protect_says_what_it_protects_against_and_which_words_that_does_not_know(
    monkeypatch, capsys, tmp_path, settings, unknown
):
    monkeypatch.setattr("staytrue.protect.stage.protect_stage", lambda *_: True)
    assert typed(monkeypatch, "protect", PHOTOS, *settings, "--out", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "copies of 64 px" in said
    assert "--backbone stable-diffusion-v1-5/stable-diffusion-v1-5" in said
    assert [line.partition("does not know: ")[2] for line in said.splitlines() if line.startswith("Warning")] == (
        [unknown] if unknown else []
    )


def test_protect_names_no_miniature_where_another_backbone_was_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("staytrue.protect.stage.protect_stage", lambda *_: True)
    backbone = tiny_sd(tmp_path / "sd", size=16)
    words = ["--class-noun", "zeppelin", "--backbone", backbone, "--out", tmp_path / "out"]
    assert typed(monkeypatch, "protect", PHOTOS, *words) == 0
    assert capsys.readouterr().err == ""


def test_a_folder_of_another_subject_is_not_continued(monkeypatch, capsys, tmp_path):
    out = tmp_path / "run"
    typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", out, "--dry-run")
    others = PHOTOS.replace("dog6", "cat2")
    assert typed(monkeypatch, "run", others, "--class-noun", "dog", "--out", out, "--dry-run") == 2
    assert "holds a run with other subjects" in capsys.readouterr().err
    (out / "4-training").mkdir()
    assert typed(monkeypatch, "run", PHOTOS, "--class-noun", "wolf", "--out", out, "--dry-run") == 2
    _, *told = capsys.readouterr().err.partition("Error: ")[2].splitlines()
    assert told == [
        "  subjects.0.class_noun: dog there, wolf asked",
        "Name another folder with --out, or delete this one.",
    ]


def test_advice_that_is_given_before_training_can_be_followed(monkeypatch, capsys, tmp_path):
    """As "if that is wrong: subjects.0.living=...", or another identifier; held-out photos may come at any time."""
    out = tmp_path / "run"
    words = ["run", PHOTOS, "--class-noun", "dog", "--out", out, "--dry-run"]
    for more in ([], ["subjects.0.living=false"], ["--identifier", "sks"]):
        assert typed(monkeypatch, *words, *more) == 0
    (out / "4-training").mkdir()
    heldout = PHOTOS.replace("train", "heldout")
    assert typed(monkeypatch, *words, "--identifier", "sks", f"subjects.0.heldout={heldout}") == 0
    assert typed(monkeypatch, *words) == 2
    assert "holds a run with other subjects" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["an assignment", "the file"])
def test_what_a_single_file_does_not_say_of_itself_can_be_said(monkeypatch, capsys, tmp_path, where):
    """An SD 2.x file: a recipe that fits the backbone must know all that was said of it."""
    checkpoint = fake_file(tmp_path / "sd2.safetensors", 1024)
    words = ["run", PHOTOS, "--class-noun", "dog", "--out", tmp_path / "run", "--dry-run", "--backbone", checkpoint]
    assert typed(monkeypatch, *words) == 2
    assert "set backbone.prediction" in capsys.readouterr().err
    said = ["backbone.prediction=v_prediction"]
    if where == "the file":
        (tmp_path / "c.toml").write_text('[backbone]\nprediction = "v_prediction"\n')
        said = ["--config", tmp_path / "c.toml"]
    monkeypatch.setattr("staytrue.checks._look_at_identifiers", lambda *_: None)  # its tokenizer is not there
    assert typed(monkeypatch, *words, *said) == 0
    assert typed(monkeypatch, "show", "dreambooth", "backbone.prediction=epsilon", "--backbone", checkpoint) == 0
    assert 'prediction = "epsilon"' in capsys.readouterr().out


SECOND = """
[[subjects]]
name = "{name}"
photos = "src/staytrue/assets/minibench/cat/train"
class_noun = "cat"
identifier = "{identifier}"
"""


def two(monkeypatch, tmp_path, name="my-cat", identifier="sks", toml=SECOND):
    file = tmp_path / "two.toml"
    file.write_text(toml.format(name=name, identifier=identifier))
    words = ["--class-noun", "dog", "--config", file, "--out", tmp_path / "pets", "--dry-run"]
    return typed(monkeypatch, "run", PHOTOS, *words)


def test_further_subjects_come_from_the_config_file(monkeypatch, tmp_path):
    from staytrue.opening import saved_config

    assert two(monkeypatch, tmp_path) == 0
    dog, cat = saved_config(tmp_path / "pets").subjects
    assert (dog.name, dog.class_noun, dog.identifier) == ("train", "dog", "olis")  # the photo folder's, not the run's
    assert (cat.name, cat.class_noun, cat.identifier) == ("my-cat", "cat", "sks")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "train"}, "two share the name 'train'"),
        ({"name": "Train"}, "two share the name 'Train'"),  # one folder on many disks
        ({"identifier": "olis"}, "two share the identifier 'olis'"),
        ({"identifier": " Olis"}, "two share the identifier 'olis'"),
        ({"toml": "[[subjects]]\nname = 'x'\nphoto = 'y'"}, "subjects.1.photo: no such setting"),
        ({"toml": "subjects = 3"}, "subjects.1: "),
    ],
)
def test_subjects_are_kept_apart(monkeypatch, capsys, tmp_path, changed, said):
    assert two(monkeypatch, tmp_path, **changed) == 2
    assert said in capsys.readouterr().err


@pytest.mark.miniature
@pytest.mark.parametrize(("adapter", "warned"), [("lora", True), ("textual_inversion", False)])
def test_a_new_word_needs_to_be_known_only_where_no_row_is_trained(monkeypatch, capsys, tmp_path, adapter, warned):
    words = ["--class-noun", "dog", "--identifier", "flimm", "--out", tmp_path / "run", "--dry-run"]
    assert typed(monkeypatch, "run", PHOTOS, *words, f"train.adapter.name={adapter}") == 0
    assert ("does not know: flimm" in capsys.readouterr().err) == warned


def test_a_damaged_file_of_a_run_is_named(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", run, "--dry-run") == 0
    for verb in ("purify", "caption"):
        assert typed(monkeypatch, verb, run) == 0
    captions = run / "2-captions" / "captions.jsonl"
    captions.write_text(captions.read_text()[:-20])
    assert typed(monkeypatch, "regularize", run) == 2
    assert f"{captions} is damaged (" in (said := capsys.readouterr().err) and "Traceback" not in said
    captions.unlink()  # as it says
    assert typed(monkeypatch, "caption", run) == 0
    assert read_jsonl(captions)


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 2), (errno.EROFS, 2), (errno.EIO, None)])
def test_a_full_disk_is_said_and_other_troubles_are_not_hidden(tmp_path, monkeypatch, capsys, number, code):
    def fail(*_):
        raise OSError(number, os.strerror(number), "a.png")

    monkeypatch.setattr("staytrue.opening.write_json", fail)
    command = ("run", PHOTOS, "--class-noun", "dog", "--out", tmp_path / "run", "--dry-run")
    if code is None:
        with pytest.raises(OSError, match=r"a\.png"):
            typed(monkeypatch, *command)
    else:
        assert typed(monkeypatch, *command) == code
        assert f"Error: {os.strerror(number)}: a.png. What is finished is kept" in capsys.readouterr().err
