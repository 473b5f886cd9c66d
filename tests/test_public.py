"""The front door: what is exported exists, and what the repository promises in files agrees with the package."""

import re
import tomllib
from pathlib import Path

import pytest

import staytrue

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_public_name_resolves_and_has_a_docstring():
    assert 12 <= len(staytrue.__all__) <= 18
    assert staytrue._HOMES.keys() == set(staytrue.__all__)
    for name in staytrue.__all__:
        assert getattr(staytrue, name).__doc__, name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'personalise'"):
        staytrue.personalise  # noqa: B018


def test_versions_agree():
    assert staytrue.__version__ == PROJECT["version"]


def test_every_dependency_has_an_exact_tested_version():
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {re.split(r"[<>=\[]", text)[0].lower().replace("_", "-") for text in wanted} <= pinned


def test_links_of_the_pages_lead_somewhere():
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_code_files_named_by_the_pages_exist():
    text = (ROOT / "docs/method.md").read_text()
    for name in re.findall(
        r"`(?:src/staytrue/)?((?:diffusion|objectives|recipes|regularize|caption|images|train)/\w+\.py)", text
    ):
        assert (ROOT / "src/staytrue" / name).is_file(), name
