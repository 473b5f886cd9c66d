"""kill -9 at any moment, then the same call: the same model, bit for bit."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from staytrue.backbones import SD
from staytrue.errors import ResumeError
from staytrue.runs import read_json
from staytrue.train.config import Previews
from staytrue.train.select import Select
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
        train_stage(run, small(learning_rate=1e-3), [SUBJECT], SD(path=str(backbone)), seed=3)


def lora(run):
    return load_file(run.model / "pytorch_lora_weights.safetensors")


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def steps_taken(monkeypatch):
    """The number of every update that was really made."""
    from staytrue.train.curve import Bar

    taken = []
    monkeypatch.setattr(Bar, "step", lambda self, state, losses: taken.append(state.step))
    return taken


def test_more_steps_go_on_from_a_kept_state(tmp_path, backbone, uninterrupted, steps_taken):
    run, sd = make_run(tmp_path / "longer"), SD(path=str(backbone))
    for steps in (3, 6):
        assert train_stage(run, small(ema=0.9, steps=steps, keep_state=True), [SUBJECT], sd, seed=3)
    assert steps_taken == [1, 2, 3, 4, 5, 6]
    assert same(lora(run), lora(uninterrupted))
    manifest = read_json(run.training / "manifest.json")
    assert manifest["steps"] == 6
    state = run.training / "state.safetensors"
    assert state.is_file()
    # fewer steps, or other settings, start afresh, and without `keep_state` none is left
    assert train_stage(run, small(ema=0.9, steps=5), [SUBJECT], sd, seed=3)
    assert steps_taken[6:] == [1, 2, 3, 4, 5]
    assert not state.exists()


def test_a_kept_state_of_other_settings_is_not_gone_on_from(tmp_path, backbone, uninterrupted, steps_taken):
    run, sd = make_run(tmp_path / "other"), SD(path=str(backbone))
    train_stage(run, small(steps=2, keep_state=True, learning_rate=1e-3, ema=0.9), [SUBJECT], sd, seed=3)
    train_stage(run, small(ema=0.9), [SUBJECT], sd, seed=3)
    assert steps_taken == [1, 2, 1, 2, 3, 4, 5, 6]
    assert same(lora(run), lora(uninterrupted))


def test_a_kept_state_goes_when_another_training_starts(tmp_path, backbone, uninterrupted, steps_taken, monkeypatch):
    """A ends, B is killed and its checkpoints are deleted, A is asked for again: it has nothing to go on from but B's curve."""
    run, sd = make_run(tmp_path / "between"), SD(path=str(backbone))
    train_stage(run, small(steps=3, keep_state=True, ema=0.9), [SUBJECT], sd, seed=3)
    with monkeypatch.context() as patch:
        patch.setattr("staytrue.train.stage._export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train_stage(run, small(learning_rate=1e-3, ema=0.9), [SUBJECT], sd, seed=3)
    assert not (run.training / "state.safetensors").exists()
    shutil.rmtree(run.training / "checkpoints")
    train_stage(run, small(ema=0.9), [SUBJECT], sd, seed=3)
    assert steps_taken == [1, 2, 3, *range(1, 7), *range(1, 7)]
    assert same(lora(run), lora(uninterrupted))
    assert (run.training / "curve.jsonl").read_bytes() == (uninterrupted.training / "curve.jsonl").read_bytes()


def test_a_state_is_not_kept_of_a_training_that_selects():
    with pytest.raises(ValueError, match=r"set train\.keep_state=false or train\.select=null"):
        small(keep_state=True, select=Select())


def test_seconds_of_earlier_processes_count(tmp_path, backbone):
    run, sd = make_run(tmp_path / "slow"), SD(path=str(backbone))
    train_stage(run, small(steps=2, keep_state=True), [SUBJECT], sd, seed=3)
    kept = run.training / "state.safetensors"
    with safe_open(kept, "pt") as file:
        metadata = file.metadata()
    assert 0 < float(metadata["seconds"]) < 60
    save_file(load_file(kept), kept, metadata | {"seconds": "1000"})
    train_stage(run, small(steps=3), [SUBJECT], sd, seed=3)
    assert 1000 < read_json(run.training / "manifest.json")["duration_s"] < 1060


def test_an_interrupted_longer_training_does_not_push_out_a_shorter_ones_checkpoints(tmp_path, backbone, monkeypatch):
    run, sd = make_run(tmp_path / "shorter"), SD(path=str(backbone))
    monkeypatch.setattr("staytrue.train.stage._export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for steps in (7, 3):
        with pytest.raises(KeyboardInterrupt):
            train_stage(run, small(steps=steps), [SUBJECT], sd, seed=3)
    names = [f.name for f in sorted((run.training / "checkpoints").iterdir())]
    assert names == [f"step-000000{n}.safetensors" for n in (2, 4, 6)]


def test_a_shorter_training_that_a_longer_ones_checkpoint_completes_is_as_if_it_were_alone(
    tmp_path, backbone, monkeypatch, steps_taken
):
    """Seven steps are killed at the end, then four are asked for: those were taken, and nothing of the others is left."""
    sd, previews = SD(path=str(backbone)), Previews(every="2 steps", prompts=("a {}",), seeds=(0,))
    alone, run = make_run(tmp_path / "alone"), make_run(tmp_path / "shorter")
    four = small(steps=4, keep_state=True, previews=previews)
    assert train_stage(alone, four, [SUBJECT], sd, seed=3)
    with monkeypatch.context() as patch:
        patch.setattr("staytrue.train.stage._export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train_stage(run, small(steps=7, previews=previews), [SUBJECT], sd, seed=3)
    steps_taken.clear()
    assert train_stage(run, four, [SUBJECT], sd, seed=3)
    assert steps_taken == []
    assert same(lora(run), lora(alone))
    assert (run.training / "curve.jsonl").read_bytes() == (alone.training / "curve.jsonl").read_bytes()
    outputs = [read_json(r.training / "manifest.json")["outputs"] for r in (run, alone)]
    ours, theirs = ([name for name in names if not name.startswith("tensorboard/")] for names in outputs)
    assert ours == theirs
    assert train_stage(run, small(steps=7), [SUBJECT], sd, seed=3)
    assert steps_taken == [5, 6, 7]


def updates(monkeypatch):
    """Counts them, training by training, from here on."""
    from staytrue.train import stage

    taken, original = [], stage.train_loop

    def counting(train, state, *rest):
        before = state.step
        original(train, state, *rest)
        taken.append(state.step - before)

    monkeypatch.setattr(stage, "train_loop", counting)
    return taken


def test_killed_before_its_manifest_nothing_is_trained_twice(tmp_path, backbone, monkeypatch):
    run = make_run(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr("staytrue.runs.write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train_stage(run, small(), [SUBJECT], SD(path=str(backbone)), seed=3)
    before, taken = lora(run), updates(monkeypatch)
    assert train_stage(run, small(), [SUBJECT], SD(path=str(backbone)), seed=3)
    assert taken == [2]  # from the last checkpoint, after four of six
    assert all(torch.equal(before[name], tensor) for name, tensor in lora(run).items())
    outputs = read_json(run.training / "manifest.json")["outputs"]
    assert not [name for name in outputs if "checkpoint" in name]
    (run.training / "checkpoints").mkdir()  # as a process leaves it that is killed after its manifest
    assert not train_stage(run, small(), [SUBJECT], SD(path=str(backbone)), seed=3)
    assert not (run.training / "checkpoints").exists()


def test_what_only_shows_the_training_is_no_other_training(tmp_path, backbone):
    """Pictures on the way, and when a checkpoint is written; but that is part of the choice where one is chosen."""
    run = make_run(tmp_path / "run")
    assert train_stage(run, small(), [SUBJECT], SD(path=str(backbone)), seed=3)
    shown = small(checkpoint_every="3 steps", previews=Previews(every="2 steps"))
    assert not train_stage(run, shown, [SUBJECT], SD(path=str(backbone)), seed=3)
    assert train_stage(run, small(warmup_steps=1), [SUBJECT], SD(path=str(backbone)), seed=3)


def test_other_weights_under_the_same_name_are_another_backbone(tmp_path, monkeypatch):
    folder = tiny_sd(tmp_path / "sd", size=16)
    run, half = make_run(tmp_path / "run"), make_run(tmp_path / "half")
    assert train_stage(run, small(), [SUBJECT], SD(path=str(folder)), seed=3)
    with monkeypatch.context() as patch:
        patch.setattr("staytrue.train.stage._export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train_stage(half, small(), [SUBJECT], SD(path=str(folder)), seed=3)
    shutil.rmtree(folder)
    tiny_sd(folder, size=16, seed=1)
    before = lora(run)
    assert train_stage(run, small(), [SUBJECT], SD(path=str(folder)), seed=3)
    assert not all(torch.equal(before[name], tensor) for name, tensor in lora(run).items())
    with pytest.raises(ResumeError, match="other settings, photos or backbone"):
        train_stage(half, small(), [SUBJECT], SD(path=str(folder)), seed=3)


def test_a_checkpoint_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path, backbone, monkeypatch):
    run = make_run(tmp_path / "run")

    def full(tensors, file, metadata):
        file.write_bytes(bytes(1000))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("staytrue.train.checkpoints.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        train_stage(run, small(), [SUBJECT], SD(path=str(backbone)), seed=3)
    assert not list((run.training / "checkpoints").iterdir())
