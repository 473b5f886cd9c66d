"""The inspection from the command line: its settings, and the flag that is asked for once."""

import json

import pytest

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
