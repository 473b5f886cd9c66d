"""The restorer's pieces, without the world and without training it: what spoils a picture, and the file that spandrel reads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from foundry.models import restorer
from foundry.models.pictures import Pictures
from foundry.models.restorer import RestorerTask, Spoiled, blurred, clean_rows, distance, draw, export, gain_db, spoil
from foundry.models.training import Plan, Trainer
from staytrue.purify.spandrel_file import load_file, spandrel


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def world(count: int = 12) -> Pictures:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    pixels = np.kron(coarse, np.ones((1, 8, 8, 1), np.uint8))
    spoiled = {0: "noisy", 1: "jpeg artifacts", 2: "without noise"}
    return Pictures(pixels, [{"caption": "a thing", "degradation": spoiled.get(i)} for i in range(count)])


def small():
    spandrel()
    from spandrel.architectures.NAFNet import NAFNet

    torch.manual_seed(0)
    return NAFNet(width=4, enc_blk_nums=[1], middle_blk_num=1, dec_blk_nums=[1])


def test_each_step_spoils_and_nothing_leaves_the_range():
    picture = world().batch(torch.tensor([3]))[0]
    assert torch.equal(spoil(picture, Spoiled(), chance()), picture)
    for how in (Spoiled(blur=1.0), Spoiled(noise=0.1), Spoiled(radius=20), Spoiled(quality=20)):
        made = spoil(picture, how, chance())
        assert made.shape == picture.shape
        assert made.abs().max() <= 1 + 1e-6
        assert (made - picture).abs().mean() > 0.005, how


def test_noise_has_the_size_it_says():
    gray = torch.zeros(3, 64, 64)
    assert spoil(gray, Spoiled(noise=0.05), chance()).std().item() == pytest.approx(0.1, rel=0.05)  # of [-1, 1]
    uniform = spoil(gray, Spoiled(radius=11), chance())
    assert uniform.abs().max() <= 11 / 127.5 + 1e-6
    coarse = spoil(gray, Spoiled(radius=11, coarse=2), chance())
    assert torch.equal(coarse[:, ::2, ::2], coarse[:, 1::2, 1::2])


def test_a_blur_keeps_even_areas_and_spreads_a_point_by_sigma():
    assert torch.allclose(blurred(torch.full((1, 3, 16, 16), 0.3), 1.5), torch.tensor(0.3), atol=1e-6)
    point = torch.zeros(1, 3, 33, 33)
    point[..., 16, 16] = 1
    row = blurred(point, 1.5)[0, 0].sum(0)
    assert float((row * (torch.arange(33) - 16) ** 2).sum()) ** 0.5 == pytest.approx(1.5, rel=0.02)


def test_ways_to_spoil_are_ordinary_varied_and_sometimes_none():
    ways = [draw(chance(seed)) for seed in range(200)]
    assert any(way == Spoiled() for way in ways)
    for name in ("blur", "noise", "radius", "quality"):
        share = np.mean([bool(getattr(way, name)) for way in ways])
        assert 0.2 < share < 0.6, name
    assert {way.coarse for way in ways} == {1, 2}
    assert draw(chance(7)) == draw(chance(7))


def test_no_attack_is_among_its_sources():
    assert "protect" not in Path(restorer.__file__).read_text().replace("protective", "")


def test_pictures_that_are_spoiled_already_are_not_learned_from():
    assert clean_rows(world()).tolist() == list(range(2, 12))


def test_distance_by_hand():
    """Flat pictures 0.3 apart: no edges differ, so only the pixels' term and the smallest value of the edges' remain."""
    a, b = torch.full((1, 3, 4, 4), 0.3), torch.zeros(1, 3, 4, 4)
    assert distance(a, b).item() == pytest.approx((0.09 + 1e-6) ** 0.5 + 0.5 * 1e-3, rel=1e-5)


def test_training_lowers_the_loss_and_the_file_loads_through_the_restore_path(tmp_path: Path):
    torch.manual_seed(0)
    task = RestorerTask(world(), batch=4, network=small())
    run = Trainer(task, Plan(tmp_path / "run", budget_s=1e6, lr=5e-3, warmup_steps=1))
    before = gain_db(task.network, world())
    run.run(max_steps=25)
    after = gain_db(task.network, world())
    assert after["after_db"] > before["after_db"]
    assert after["before_db"] == before["before_db"]

    export(task.network, tmp_path, after)
    assert json.loads((tmp_path / "facts.json").read_text()) == after
    loaded = load_file(tmp_path / "model.safetensors")
    assert (loaded.architecture.id, loaded.scale) == ("NAFNet", 1)
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(loaded(x), task.network.half().float()(x).clamp(0, 1), atol=2e-3)


def test_parts_of_pictures_come_first_and_whole_ones_at_the_end(monkeypatch):
    sides = []

    def look(rows):
        sides.append(tuple(rows.shape))
        return rows

    monkeypatch.setattr(restorer, "CROP_PX", 16)
    task = RestorerTask(world(), 2, small())
    task.network = look
    for progress in (0.0, 0.79, 0.8, 1.0):
        task.loss(progress)
    assert sides == [(2, 3, 16, 16)] * 2 + [(2, 3, 32, 32)] * 2
