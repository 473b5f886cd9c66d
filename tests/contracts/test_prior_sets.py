"""Every prior set: a pure plan whose captions never name the subject, drawable by a real pipeline, quick to list."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from staytrue.backbones import SD
from staytrue.regularize import PRIOR_SETS
from staytrue.regularize.base import Brief
from staytrue.regularize.stage import regularize_stage
from staytrue.runs import read_jsonl
from staytrue.types import Sample
from tests.regularize.stand_in import captioned, subject
from tests.tiny import tiny_sd

SAMPLING = {"steps": 2, "guidance": 1.5, "batch": 3}


def pictures(home: Path) -> Path:
    for number in range(3):
        Image.new("RGB", (40, 40), (9 * number, 0, 0)).save(home / f"{number}.png")
    return home


SETTINGS = {
    "none": lambda home: {},
    "class_prompt": lambda home: {"count": 4, "sampling": SAMPLING},
    "folder": lambda home: {"path": pictures(home)},
    "structured": lambda home: {"count": 5, "sampling": SAMPLING},
}
SIZES = {"none": 0, "class_prompt": 4, "folder": 3, "structured": 5}


@pytest.fixture(scope="module", params=PRIOR_SETS.names())
def prior_set(request, tmp_path_factory):
    return PRIOR_SETS.get(request.param)(**SETTINGS[request.param](tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> SD:
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("tiny"), size=16)))


def test_plan_is_pure_and_never_names_the_subject(prior_set, tiny: SD) -> None:
    brief = Brief(subject(), (), tiny.facts(), seed=0)
    plan = prior_set.plan(brief)
    assert plan == prior_set.plan(brief)
    assert len(plan) == SIZES[prior_set.name]
    assert all(p.caption.noun == "backpack" and "zwx" not in p.caption.render() for p in plan)


def test_stage_with_a_real_pipeline(prior_set, tiny: SD, tmp_path: Path) -> None:
    """Drawn in batches of three or alone, at a second run from the store: the same rows and files."""
    run = captioned(tmp_path, subject())
    assert regularize_stage(run, prior_set, [subject()], tiny, 0, "cpu") is True
    rows = read_jsonl(run.regularization / "samples.jsonl", Sample)
    assert len(rows) == SIZES[prior_set.name]
    assert all((run.root / r.image).is_file() and r.role == "class" for r in rows)
    times = {p.name: p.stat().st_mtime_ns for p in run.class_image_store.glob("*")}
    (run.regularization / "manifest.json").unlink()
    assert regularize_stage(run, prior_set, [subject()], tiny, 0, "cpu") is True
    assert rows == read_jsonl(run.regularization / "samples.jsonl", Sample)
    assert times == {p.name: p.stat().st_mtime_ns for p in run.class_image_store.glob("*")}


def test_is_its_own_config(prior_set) -> None:
    adapter = TypeAdapter(PRIOR_SETS.union())
    assert adapter.validate_json(adapter.dump_json(prior_set)) == prior_set
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": prior_set.name, "no_such_field": 1})


def test_another_backbone_can_be_named_in_a_config() -> None:
    values = {"name": "structured", "generator": {"name": "sd", "path": "/models/sd15"}}
    assert TypeAdapter(PRIOR_SETS.union()).validate_python(values).generator == SD(path="/models/sd15")


def test_listing_imports_nothing_heavy() -> None:
    script = "import sys, staytrue.regularize as _; print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
