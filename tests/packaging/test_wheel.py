"""The wheel alone is enough: installed away from this tree, it has its weights and draws."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRAW = """
from staytrue import SD
from staytrue.generate.sampling import Request, Sampling, draw
import staytrue
assert "site-packages" in staytrue.__file__, staytrue.__file__
loaded = SD().load("cpu")
[picture] = draw(loaded, [Request("a dog on the beach", seed=0)], Sampling(steps=2))
print(picture.size)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An empty environment that sees the libraries of this one, and the wheel instead of this tree."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    (site / "libraries.pth").write_text("\n".join(libraries) + "\n")
    python = home / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True)
    return home


def test_the_wheel_carries_weights_words_and_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "staytrue/assets/miniature/model_index.json" in names
    assert any(n.startswith("staytrue/assets/miniature/unet/") and n.endswith(".safetensors") for n in names)
    assert any(n.startswith("staytrue/assets/judges/instance/") and n.endswith(".safetensors") for n in names)
    assert "staytrue/assets/minibench/subjects.jsonl" in names
    assert any(n.endswith("licenses/NOTICE") for n in names)
    assert not [n for n in names if n.startswith(("tests/", "foundry/"))]


def test_the_command_line_works_from_the_wheel(installed, tmp_path):
    for words in (["--help"], ["list"], ["list", "captioners"], ["show", "dreambooth"]):
        done = subprocess.run([installed / "bin/staytrue", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_miniature_draws_from_the_wheel(installed, tmp_path):
    done = subprocess.run([installed / "bin/python", "-c", DRAW], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(64, 64)"


SMALL = """
--quick --device cpu regularize.count=2 regularize.sampling.steps=2 train.steps=2 train.previews.every=null
generate.images_per_prompt=1 generate.sampling.steps=2
""".split()


@pytest.mark.slow
def test_a_whole_run_from_the_wheel(installed, tmp_path):
    """Words, judges, MiniBench's photos and the report's template are all in it: photos go in, `report.html` comes out."""
    [photos] = installed.glob("lib/python*/site-packages/staytrue/assets/minibench/dog6/train")
    out, prompt = tmp_path / "run", 'generate.prompts=["a {} on the beach"]'
    words = [installed / "bin/staytrue", "run", photos, "--class-noun", "dog", "--out", out, prompt, *SMALL]
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=tmp_path, env=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (out / "report.html").read_text()
    assert report.count("data:image/") >= 7  # five photos, a picture of the base model and one of the subject's
    assert "a dog on the beach" in report
    scored = [json.loads(line) for line in (out / "6-scores/scores.jsonl").read_text().splitlines()]
    assert {row["file"].split("/")[1] for row in scored} == {"base", "personalized"}
    assert {row["metric"] for row in scored} >= {"dino", "clip_i", "clip_t"}
