"""What a user reads when something is wrong: the message, exit code 2, and no traceback."""

import sys

import pytest

from staytrue.cli import main

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
        (["run", PHOTOS], "--class-noun"),
        (["run", PHOTOS, "--class-noun", "dog", "--recipe", "dreamboth"], "dreambooth, data-perspective"),
        (["run", PHOTOS, "--class-noun", "dog", "train.stepz=3"], "train.stepz: no such setting; there are: "),
        (["run", PHOTOS, "--class-noun", "dog", "train.steps=many"], "train.steps: "),
        (
            ["run", PHOTOS, "--class-noun", "dog", "caption.name=poet"],
            "caption.name: no 'poet'; there are: background, blip",
        ),
        (["run", PHOTOS, "--class-noun", "dog", "train.steps"], "section.field=value"),
        (["run", PHOTOS, "--class-noun", "dog", "--config", "no.toml"], "no.toml"),
        (["run", "no/such/folder", "--class-noun", "dog", "--dry-run"], "no/such/folder"),
        (["run", PHOTOS, "--class-noun", "dog", "--backbone", "no/such/model/at-all"], "no/such/model"),
        (["train", "no/such/run"], "is not a run folder"),
        (["list", "colors"], "purifiers"),
        (["show", "nothing"], "staytrue"),
    ],
)
def test_bad_input_exits_2_with_a_message(words, said, monkeypatch, capsys, tmp_path):
    out = ["--out", tmp_path / "run"] if words[0] == "run" else []
    assert typed(monkeypatch, *words, *out) == 2
    output = capsys.readouterr().err
    assert said in output
    assert "Traceback" not in output


def test_dry_run_checks_saves_and_stops(monkeypatch, capsys, tmp_path):
    out = tmp_path / "run"
    assert typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", out, "--dry-run") == 0
    assert [p.name for p in out.iterdir()] == ["config.json"]


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


def test_a_folder_of_another_subject_is_not_continued(monkeypatch, capsys, tmp_path):
    out = tmp_path / "run"
    typed(monkeypatch, "run", PHOTOS, "--class-noun", "dog", "--out", out, "--dry-run")
    assert typed(monkeypatch, "run", PHOTOS, "--class-noun", "wolf", "--out", out, "--dry-run") == 2
    assert "holds a run with other subjects" in capsys.readouterr().err
