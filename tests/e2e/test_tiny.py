"""The command line end to end on a tiny random-weight model: verbs continue a run, and a killed run ends at the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from staytrue.runs import manifest_key, read_json, read_jsonl
from tests.tiny import tiny_sd

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT / "src/staytrue/assets/minibench/dog6/train"
SMALL = (
    "caption.name=template",
    "regularize.name=class_prompt",
    "regularize.style=a photo of",  # other than the photos have: the default recipe carries it over
    "regularize.count=3",
    "regularize.sampling.steps=2",
    "train.previews.every=null",
    'train.checkpoint_every="5 steps"',
    'generate.prompts=["a {} on the beach"]',
    "generate.images_per_prompt=2",
    "generate.sampling.steps=2",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("tiny") / "model")


def staytrue(*words, **options):
    command = [sys.executable, "-m", "staytrue", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def done(process):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def begin(out, tiny, steps):
    words = ("--class-noun", "dog", "--identifier", "sks", "--out", out, "--backbone", tiny, "--device", "cpu")
    done(staytrue("run", PHOTOS, *words, "--dry-run", *SMALL, f"train.steps={steps}"))


def test_verbs_continue_a_run_and_skip_what_is_complete(tiny, tmp_path):
    out = tmp_path / "run"
    begin(out, tiny, steps=4)
    done(staytrue("caption", out))
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == ["1-purified", "2-captions"]

    done(staytrue("generate", out))
    assert len(list((out / "1-purified").rglob("*.png"))) == 5
    assert len(read_jsonl(out / "2-captions/captions.jsonl")) == 5
    assert (out / "3-regularization/contact-sheet.jpg").is_file()
    assert (out / "4-training/model/model_index.json").is_file()
    assert len(read_jsonl(out / "5-images/images.jsonl")) == 4  # two of the base model, two personalized

    trained = read_json(out / "4-training/manifest.json")
    done(staytrue("generate", out, 'generate.prompts=["a {} on the grass", "a red {}"]'))
    assert read_json(out / "4-training/manifest.json") == trained  # new prompts, no new training
    assert {row["prompt_plain"] for row in read_jsonl(out / "5-images/images.jsonl")} == {
        "a dog on the grass",
        "a red dog",
    }


def test_config_json_says_what_ran(tiny, tmp_path):
    out = tmp_path / "run"
    begin(out, tiny, steps=4)
    saved = read_json(out / "config.json")
    assert saved["config"]["train"]["steps"] == 4
    assert saved["config"]["backbone"]["path"] == str(tiny)
    assert {"torch", "diffusers", "staytrue", "python"} <= saved["versions"].keys()
    assert saved["device"] == "cpu"


def test_a_killed_training_resumes_to_the_same_bits(tiny, tmp_path):
    whole, killed = tmp_path / "a" / "run", tmp_path / "b" / "run"
    for out in (whole, killed):
        begin(out, tiny, steps=80)
    done(staytrue("train", whole))

    process = staytrue("train", killed)
    wait_for(lambda: list((killed / "4-training/checkpoints").glob("step-*")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert manifest_key(killed / "4-training") == ""
    settings = (killed / "config.json").read_bytes()
    refused = staytrue("train", killed, "train.learning_rate=0.5")
    said, _ = refused.communicate(timeout=300)
    assert refused.returncode == 2
    assert "other settings" in said
    assert (killed / "config.json").read_bytes() == settings  # or the command without it would be refused, too
    done(staytrue("train", killed))

    weights = sorted((whole / "4-training/model").rglob("*.safetensors"))
    assert weights
    for file in weights:
        assert file.read_bytes() == (killed / file.relative_to(whole)).read_bytes(), file.name
    curves = [read_jsonl(out / "4-training/curve.jsonl") for out in (whole, killed)]
    assert curves[0] == curves[1]


def wait_for(condition, process, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)
