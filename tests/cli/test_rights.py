"""The inspection from the command line: its settings, and the flag that is asked for once."""

import json

import pytest
from PIL import Image

from staytrue.runs import read_json
from tests.cli.test_messages import typed
from tests.purify.test_inspection import NOISY, noisy_run  # noqa: F401
from tests.tiny import tiny_sd


@pytest.fixture
def begun(noisy_run, tmp_path, monkeypatch, capsys):  # noqa: F811
    """A run of one noisy and one clean photo, checked and saved."""
    run, subject, _ = noisy_run
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps(NOISY))
    words = ["--class-noun", "dog", "--identifier", "sks", "--out", run.root, "--backbone", tiny_sd(tmp_path / "sd")]
    words += ["--device", "cpu", "--dry-run", "caption.name=template", "generate.prompts=['a {}']"]
    words += ["inspect.depth=pixels", f"inspect.limits={limits}"]
    assert typed(monkeypatch, "run", subject.photos, *words) == 0
    capsys.readouterr()
    return run


def test_stop_ends_with_the_photos_name_and_exit_code_2(begun, monkeypatch, capsys):
    assert typed(monkeypatch, "purify", begun.root, "inspect.action=stop") == 2
    assert "noisy.png is suspect" in capsys.readouterr().err


@pytest.mark.parametrize("refused", ["inspect.action=stop", "purify.name=gaussian"])
def test_what_the_inspection_refuses_leaves_a_run_that_goes_on(begun, monkeypatch, capsys, refused):
    assert typed(monkeypatch, "caption", begun.root) == 0
    settings = begun.config.read_bytes()
    assert typed(monkeypatch, "purify", begun.root, refused) == 2
    assert begun.config.read_bytes() == settings
    assert typed(monkeypatch, "caption", begun.root) == 0


def test_the_flag_is_asked_for_once_and_recorded(begun, monkeypatch, capsys):
    assert typed(monkeypatch, "purify", begun.root, "purify.name=gaussian") == 2
    assert "--i-have-the-rights" in capsys.readouterr().err
    assert typed(monkeypatch, "purify", begun.root, "purify.name=gaussian", "--i-have-the-rights") == 0
    assert len(read_json(begun.rights)) == 1
    assert typed(monkeypatch, "purify", begun.root, "purify.name=jpeg") == 0


def test_settings_of_the_inspection_and_of_chains_are_checked(begun, monkeypatch, capsys):
    assert typed(monkeypatch, "purify", begun.root, "inspect.action=panic") == 2
    assert "inspect.action" in capsys.readouterr().err
    assert typed(monkeypatch, "purify", begun.root, "purify.name=chain", "purify.steps=[{name='jpg'}]") == 2
    said = capsys.readouterr().err
    assert "purify.steps.0.name: no 'jpg'; there are: code_sr, diffpure" in said
    assert "Tuple" not in said
    assert typed(monkeypatch, "purify", begun.root, "purify.name=chain") == 2
    assert "at least one step" in capsys.readouterr().err


DEFENSE = 'inspect.defense=["purify.name=jpeg", "train.subject_suffix=with bhj noise"]'


def test_photos_that_mostly_look_protected_turn_the_defense_on(begun, noisy_run, monkeypatch, capsys):  # noqa: F811
    """One suspect photo of two does not; and the defense, which cleans, asks for the rights."""
    assert typed(monkeypatch, "purify", begun.root, DEFENSE) == 0
    assert read_json(begun.purified / "manifest.json")["inputs"]["purify"]["name"] == "none"
    _, subject, _ = noisy_run
    Image.effect_noise((64, 64), 80).convert("RGB").save(subject.photos / "more.png")
    capsys.readouterr()
    assert typed(monkeypatch, "purify", begun.root) == 2
    said = capsys.readouterr().err
    assert "most photos of run look protected" in said
    assert "train.subject_suffix=with bhj noise" in said
    assert "--i-have-the-rights" in said
    assert typed(monkeypatch, "purify", begun.root, "--i-have-the-rights") == 0
    assert read_json(begun.purified / "manifest.json")["inputs"]["purify"]["name"] == "jpeg"
    assert typed(monkeypatch, "purify", begun.root, "purify.name=gaussian") == 0  # one's own choice stays
    assert read_json(begun.purified / "manifest.json")["inputs"]["purify"]["name"] == "gaussian"
    assert typed(monkeypatch, "purify", begun.root, "purify.name=none", "inspect.defense=[]") == 0
    assert read_json(begun.purified / "manifest.json")["inputs"]["purify"]["name"] == "none"


def test_a_defense_that_fits_no_setting_is_said_before_the_run(begun, monkeypatch, capsys):
    assert typed(monkeypatch, "purify", begun.root, 'inspect.defense=["train.suffix=x"]') == 2
    assert "inspect.defense: train.suffix: no such setting" in capsys.readouterr().err
