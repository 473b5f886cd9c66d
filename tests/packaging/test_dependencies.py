"""What the package imports is what it says it needs: a library that only a developer's environment has fails here."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/staytrue").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Where a library is imported by another name than it is installed by; `_` and `-` aside.
INSTALLED_AS = {"PIL": "pillow", "skimage": "scikit-image"}
OURS = {"staytrue", *sys.stdlib_module_names}
# Extras for whoever develops Staytrue or makes the miniature; the package may not need them.
NOT_FOR_USERS = {"dev", "foundry"}


def declared(requirements):
    """Names of requirements, without versions and extras."""
    return {re.match(r"[\w.-]+", line).group().lower().replace("_", "-") for line in requirements}


CORE = declared(PROJECT["dependencies"])
EXTRAS = declared(
    line for name, lines in PROJECT["optional-dependencies"].items() if name not in NOT_FOR_USERS for line in lines
)


def for_types_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports(tree):
    """(distribution, whether it is imported as soon as the module is) of every import of other people's libraries."""

    def visit(node, at_once):
        if for_types_only(node):
            return
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in {name.split(".")[0] for name in names} - OURS:
            yield INSTALLED_AS.get(name, name).lower().replace("_", "-"), at_once
        lazy = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, at_once and not lazy)

    return set(visit(tree, True))


def test_imports_are_declared():
    """At the top of a module only the dependencies; inside of functions also what extras bring."""
    undeclared = {}
    for path in SOURCES:
        found = imports(ast.parse(path.read_text()))
        bad = {name for name, at_once in found if at_once} - CORE
        bad |= {name for name, _ in found} - CORE - EXTRAS
        if bad:
            undeclared[str(path.relative_to(ROOT))] = sorted(bad)
    assert len(SOURCES) > 100 and not undeclared


def test_imports_are_read_as_python_runs_them():
    """The reader itself, on one text: at once, in a class, in a function, for types only, and our own."""
    text = """
from __future__ import annotations
import os, skimage.color
from PIL import Image
from . import sibling
from staytrue.types import Image
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import pandas
class A:
    import rich
    def f(self):
        from huggingface_hub import login
try:
    import gradio
except ImportError:
    pass
"""
    now = {("scikit-image", True), ("pillow", True), ("rich", True), ("gradio", True)}
    assert imports(ast.parse(text)) == now | {("huggingface-hub", False)}


def test_every_dependency_is_credited():
    """NOTICE names every library that the package asks for, and every one that an extra for users brings."""
    notice = (ROOT / "NOTICE").read_text().lower()
    assert not [name for name in sorted(CORE | EXTRAS) if not re.search(rf"\b{re.escape(name)}\b", notice)]
