"""The verb ``demo``: which run it starts."""

from pathlib import Path

import pytest

from staytrue.recipes import quick
from staytrue.recipes.demo import demo
from staytrue.runs import RunFolder
from tests.cli.test_messages import typed


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Calls of ``pipeline.run``, in whose place nothing runs."""
    calls = []

    def stand_in(config, folder, device, until, rights):
        calls.append((config, folder, device, until, rights))
        here = RunFolder(folder)
        here.root.mkdir(parents=True)
        here.report.write_text("")
        return here

    monkeypatch.setattr("staytrue.pipeline.run", stand_in)
    monkeypatch.chdir(tmp_path)
    return calls


def test_it_runs_the_demos_config_in_its_folder(started, monkeypatch, capsys):
    assert typed(monkeypatch, "demo", "--device", "cpu") == 0
    [(config, folder, device, until, rights)] = started
    assert config == demo()
    assert (folder, device, until, rights) == (Path("runs/demo"), "cpu", "evaluate", False)
    [subject] = config.subjects
    assert len(list(subject.photos.glob("*.png"))) == 5
    assert len(list(subject.heldout.glob("*.png"))) == 3
    assert config.backbone.path == "miniature"
    said = capsys.readouterr()
    assert "runs/demo/report.html" in said.out
    assert "miniature" in said.err


def test_folder_and_size_are_as_asked(started, monkeypatch):
    assert typed(monkeypatch, "demo", "--quick", "--out", "mine", "--device", "cpu") == 0
    [(config, folder, *_)] = started
    assert folder == Path("mine")
    assert config == quick(demo())
    assert config.train.steps == demo().train.steps // 4
