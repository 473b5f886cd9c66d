"""Sheets: size, place and order; what they look like is for the eye."""

import numpy as np
import pytest
from PIL import Image

from staytrue.images.grid import GAP_PX, comparison_grid, contact_sheet
from staytrue.images.metadata import png_bytes, read_png_facts

COLORS = ["red", "lime", "blue", "yellow", "magenta", "cyan", "black"]


def colored() -> list[Image.Image]:
    return [Image.new("RGB", (64, 64), color) for color in COLORS]


def test_contact_sheet_reads_like_a_page() -> None:
    sheet = contact_sheet(colored(), COLORS, columns=3, cell_px=50)
    rows = (sheet.height - GAP_PX) // 3
    assert sheet.width == GAP_PX + 3 * (50 + GAP_PX)
    for index, image in enumerate(colored()):
        middle = (GAP_PX + index % 3 * (50 + GAP_PX) + 25, GAP_PX + index // 3 * rows + 25)
        assert sheet.getpixel(middle) == image.getpixel((0, 0)), COLORS[index]


def test_a_picture_keeps_its_proportions() -> None:
    sheet = contact_sheet([Image.new("RGB", (200, 100), "red")], ["wide"], cell_px=100)
    red = (np.asarray(sheet) == (255, 0, 0)).all(-1)
    assert (red.any(1).sum(), red.any(0).sum()) == (50, 100)


def test_long_labels_wrap_and_end() -> None:
    short, long = (contact_sheet([colored()[0]], [text], cell_px=90) for text in ("dog", "a very long caption " * 30))
    assert short.height < long.height < 90 + 6 * 15
    assert np.asarray(long).min() < 100


def test_labels_must_match() -> None:
    with pytest.raises(ValueError, match="7 pictures but 1 labels"):
        contact_sheet(colored(), ["one"])


def test_an_empty_sheet_is_a_sheet() -> None:
    assert contact_sheet([], []).size[0] > 0
    assert comparison_grid([]).size[0] > 0


def test_comparison_grid_places_rows_under_labels() -> None:
    images = colored()
    grid = comparison_grid([("base", images[:2]), ("personalized", images[2:5])], ["a", "b", "c"], cell_px=40)
    pixels = np.asarray(grid)
    place = {
        c: np.argwhere((pixels == im.getpixel((0, 0))).all(-1)).mean(0)
        for c, im in zip(COLORS[:5], images, strict=False)
    }
    assert place["red"][0] == place["lime"][0] < place["blue"][0] == place["yellow"][0] == place["magenta"][0]
    assert place["red"][1] == place["blue"][1] < place["lime"][1] == place["yellow"][1] < place["magenta"][1]


def test_png_facts_survive(tmp_path) -> None:
    facts = {"prompt": "a olis dog, café ☕\nline two", "seed": 7}
    (tmp_path / "a.png").write_bytes(png_bytes(colored()[0], facts))
    assert read_png_facts(tmp_path / "a.png") == {key: str(value) for key, value in facts.items()}
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), np.asarray(colored()[0]))
