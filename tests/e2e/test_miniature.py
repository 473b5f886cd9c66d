"""The main job on the embedded miniature, from photos to a report, and the examples as a reader would run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from staytrue.runs import read_json, read_jsonl

ROOT = Path(__file__).parents[2]
PHOTOS = "src/staytrue/assets/minibench/dog6/train"
pytestmark = [pytest.mark.miniature, pytest.mark.slow]


def run_python(*words):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_examples_1_to_6_are_one_run(tmp_path):
    for name in ("1_purify", "2_caption", "3_regularize", "4_train", "5_generate", "6_evaluate"):
        run_python(f"examples/{name}.py", tmp_path / "run")
    rows = read_jsonl(tmp_path / "run/2-captions/captions.jsonl")
    assert all("olis dog" in row["caption"]["text"].replace("{phrase}", "olis dog") for row in rows)
    assert (tmp_path / "run/4-training/model/pytorch_lora_weights.safetensors").is_file()
    assert read_jsonl(tmp_path / "run/6-scores/scores.jsonl")


def test_everything_in_one_call(tmp_path):
    """``examples/0_everything.py``: the report is one file that needs nothing else, and every picture has its scores."""
    run_python("examples/0_everything.py", tmp_path / "run")
    report = (tmp_path / "run/report.html").read_text()
    assert "data:image/" in report
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", report)  # nothing from outside
    pictures = read_jsonl(tmp_path / "run/5-images/images.jsonl")
    scored = {row["file"] for row in read_jsonl(tmp_path / "run/6-scores/scores.jsonl")}
    assert scored == {row["file"] for row in pictures}
    assert {row["model"] for row in pictures} == {"base", "personalized"}


def test_the_command_line_from_photos_to_report_and_again(tmp_path):
    out, small = tmp_path / "run", ["train.steps=4", "regularize.count=6", "regularize.sampling.steps=4"]
    words = ["-m", "staytrue", "run", PHOTOS, "--class-noun", "dog", "--out", out, "--quick", *small]
    words += ['generate.prompts=["a {} on the beach", "a {} in the snow"]', "generate.sampling.steps=4"]
    said = run_python(*words)
    assert str(out / "report.html") in said
    stages = ("1-purified", "2-captions", "3-regularization", "4-training", "5-images", "6-scores")
    first = {name: read_json(out / name / "manifest.json") for name in stages}
    run_python(*words)
    assert {name: read_json(out / name / "manifest.json") for name in first} == first  # complete stages are skipped
    assert json.loads((out / "config.json").read_text())["config"]["backbone"]["path"] == "miniature"
