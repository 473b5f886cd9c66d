"""Strips and sheets: every picture in its place."""

import pytest
from PIL import Image

from staytrue.bench.minibench import minibench
from staytrue.bench.sheets import make_sheets
from staytrue.bench.strips import cut, strip
from staytrue.errors import ConfigError
from tests.bench.small import asked, tiny_models

COLORS = ["red", "green", "blue"]


@pytest.mark.parametrize(("size", "side"), [((40, 40), 40), ((512, 512), 128), ((300, 200), 128)])
def test_a_strip_comes_apart_into_its_pictures(size, side):
    cells = cut(strip([Image.new("RGB", size, color) for color in COLORS]))
    assert [cell.size for cell in cells] == [(side, side)] * 3
    assert [cell.getpixel((side // 2, side // 2)) for cell in cells] == [
        Image.new("RGB", (1, 1), color).getpixel((0, 0)) for color in COLORS
    ]


SUITE = """
name = "s"
subjects = "cat2"
arms = [{ label = "one", recipe = "dreambooth" }]
[grid]
"train.steps" = [1, 3]
"train.learning_rate" = [1e-3]
"""


def test_a_sheet_has_a_row_for_every_number_of_steps_though_they_share_a_run_folder(tmp_path, monkeypatch):
    models = tiny_models(tmp_path)
    (tmp_path / "s.toml").write_text(SUITE)
    told = asked(models, tmp_path, subjects=None, bench={"suite": str(tmp_path / "s.toml"), "prompts": 2})
    told = told.__class__(**vars(told) | {"assignments": tuple(a for a in told.assignments if "train.steps" not in a)})
    with pytest.raises(ConfigError, match="no pictures"):
        make_sheets(told)
    minibench(told, device="cpu")
    strips = [cut(Image.open(file)) for file in sorted((tmp_path / "runs").glob("*/strip-*.png"))]
    assert [len(cells) for cells in strips] == [2, 2]
    assert strips[0][0].tobytes() != strips[1][0].tobytes()
    [sheet] = make_sheets(told)
    assert sheet.name == "sheet-cat2.png"
    assert Image.open(sheet).height > 3 * 96  # photos, 1 step, 3 steps
    monkeypatch.setattr("staytrue.bench.sheets.ACROSS", 1)  # each prompt in a block of its own
    [wrapped] = make_sheets(told)
    assert Image.open(wrapped).height > 5 * 96
