"""Squares, and the door to tensors."""

import random

import numpy as np
import pytest
import torch
from PIL import Image

from staytrue.images.crop import center_box, fit, pixels_pm1, random_box, to_images


def test_center_box_by_hand() -> None:
    """100 x 60: a square of 60 from x = 20."""
    assert center_box((100, 60)) == (20, 0, 80, 60)
    assert center_box((60, 101)) == (0, 20, 60, 80)


def test_random_boxes_stay_inside_and_reach_both_ends() -> None:
    rng = random.Random(0)
    boxes = [random_box((100, 60), (0.75, 1.0), rng) for _ in range(2000)]
    sides = [right - left for left, _, right, _ in boxes]
    assert all(b[2] - b[0] == b[3] - b[1] and b[0] >= 0 and b[1] >= 0 and b[2] <= 100 and b[3] <= 60 for b in boxes)
    assert min(sides) == 45
    assert max(sides) == 60
    assert min(b[0] for b in boxes) == 0
    assert max(b[2] for b in boxes) == 100
    assert abs(np.mean(sides) - 52.5) < 0.5


def test_the_same_rng_gives_the_same_box() -> None:
    assert random_box((90, 70), (0.5, 1), random.Random(3)) == random_box((90, 70), (0.5, 1), random.Random(3))


@pytest.mark.parametrize("ratio", [(0, 1), (0.9, 0.8), (0.5, 1.1)])
def test_impossible_ratios(ratio: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="crop ratios"):
        random_box((64, 64), ratio, random.Random(0))


def test_fit_takes_the_box_and_leaves_an_exact_picture_alone() -> None:
    image = Image.new("RGB", (64, 64), "blue")
    image.paste("red", (0, 0, 32, 32))
    assert fit(image, 64) is image
    assert (np.asarray(fit(image, 16, (0, 0, 32, 32))) == (255, 0, 0)).all()
    assert fit(Image.new("RGB", (100, 50)), 32).size == (32, 32)


def test_tensors_and_back_lose_nothing() -> None:
    """Every byte value survives; 0 is -1, 255 is 1; channels first, rows before columns."""
    values = np.arange(256, dtype=np.uint8).reshape(8, 32)
    image = Image.fromarray(np.stack([values, values[::-1], values.T.reshape(8, 32)], -1))
    tensor = pixels_pm1([image, image])
    assert tensor.shape == (2, 3, 8, 32)
    assert tensor.dtype == torch.float32
    assert tensor.min() == -1
    assert tensor.max() == 1
    assert tensor[0, 0, 0, 1] == pytest.approx(1 / 127.5 - 1)
    assert all(np.array_equal(np.asarray(back), np.asarray(image)) for back in to_images(tensor))
