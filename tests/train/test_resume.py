"""kill -9 at any moment, then the same call: the same model, bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from staytrue.backbones import SD
from staytrue.errors import ResumeError
from staytrue.train.stage import train_stage
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, backbone):
    run = make_run(tmp_path_factory.mktemp("run") / "whole")
    assert train_stage(run, small(ema=0.9), [SUBJECT], SD(path=str(backbone)), seed=3)
    return run


def killed(run, backbone, what, when):
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    words = [sys.executable, "-m", "tests.train.killed", str(run.root), str(backbone), what, str(when)]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "when"), [("step", 6), ("write", 2)])
def test_kill_and_resume_is_the_uninterrupted_run(tmp_path, backbone, uninterrupted, what, when):
    run = make_run(tmp_path / "killed")
    died = killed(run, backbone, what, when)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert not (run.training / "manifest.json").exists()
    assert list((run.training / "checkpoints").glob("step-*.safetensors"))
    assert train_stage(run, small(ema=0.9), [SUBJECT], SD(path=str(backbone)), seed=3)
    ours, theirs = (load_file(r.model / "pytorch_lora_weights.safetensors") for r in (run, uninterrupted))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (run.training / "curve.jsonl").read_bytes() == (uninterrupted.training / "curve.jsonl").read_bytes()
    assert not (run.training / "checkpoints").exists()
    assert not list(run.training.glob(".*"))


def test_a_complete_stage_is_skipped(uninterrupted, backbone):
    assert not train_stage(uninterrupted, small(ema=0.9), [SUBJECT], SD(path=str(backbone)), seed=3)


def test_half_a_training_of_other_settings_is_not_continued(tmp_path, backbone, monkeypatch):
    run = make_run(tmp_path / "other")
    monkeypatch.setattr("staytrue.train.stage._export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train_stage(run, small(), [SUBJECT], SD(path=str(backbone)), seed=3)
    assert [f.name for f in sorted((run.training / "checkpoints").iterdir())] == [
        "step-0000002.safetensors",
        "step-0000004.safetensors",
    ]
    with pytest.raises(ResumeError, match="other settings"):
        train_stage(run, small(steps=7), [SUBJECT], SD(path=str(backbone)), seed=3)
