"""The table of recipes in the documentation says what the recipes say."""

from pathlib import Path

from staytrue.backbones import SD
from staytrue.recipes import RECIPES, recipe
from staytrue.types import Facts
from tests.recipes.axes import table

ROOT = Path(__file__).parents[2]
REAL = Facts("sd", "Stable Diffusion 1.5", 512, (4, 64, 64), "epsilon")


def test_the_table_in_method_md_is_made_from_the_recipes(monkeypatch):
    monkeypatch.setattr(SD, "facts", lambda self: REAL)
    made = table({name: recipe(name, SD(path="some/model")) for name in RECIPES})
    assert made in (ROOT / "docs/method.md").read_text(), f"put this into docs/method.md:\n\n{made}"


def test_the_readme_lists_every_recipe():
    text = (ROOT / "README.md").read_text()
    assert not [name for name in RECIPES if f"| `{name}` |" not in text]
