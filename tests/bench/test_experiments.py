"""The scripts that measure things are still scripts of this code: `make check` looks at their types, and each can be loaded."""

import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_can_be_loaded(script):
    assert callable(runpy.run_path(str(script), run_name="loaded")["main"])
