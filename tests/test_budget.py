"""DESIGN, section 9: the size of files and functions, counted."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "src/staytrue").rglob("*.py"))
LONGEST = {"train/loop.py": 150}
FORBIDDEN = {"utils.py", "helpers.py", "common.py", "util.py", "misc.py"}


def functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def parameters(function):
    """How many values a caller passes; a command's are read by typer from the command line, so they do not count."""
    if any("command" in ast.unparse(d) for d in function.decorator_list):
        return 0
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([a for a in given if a.arg not in ("self", "cls")])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT / "src/staytrue")))
def test_file_is_within_its_limits(path):
    name = str(path.relative_to(ROOT / "src/staytrue"))
    assert len(path.read_text().splitlines()) <= 400
    assert path.name not in FORBIDDEN
    limit = LONGEST.get(name, 80)
    too_long = {f.name: f.end_lineno - f.lineno + 1 for f in functions(path) if f.end_lineno - f.lineno + 1 > limit}
    too_wide = {f.name: parameters(f) for f in functions(path) if parameters(f) > 6}
    assert not too_long, f"longer than {limit} lines"
    assert not too_wide, "more than 6 parameters"


def test_medians():
    files = [len(p.read_text().splitlines()) for p in FILES]
    lengths = sorted(f.end_lineno - f.lineno + 1 for p in FILES for f in functions(p))
    assert statistics.median(files) <= 120
    assert statistics.median(lengths) <= 12
    assert lengths[int(0.9 * len(lengths))] <= 35


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_fit_on_a_card(path):
    assert len(path.read_text().splitlines()) <= 25
