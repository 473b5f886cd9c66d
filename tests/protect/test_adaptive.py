"""The adaptive attack expects any purifier: a chain, and one that borrows the backbone."""

import json

import pytest

from staytrue.backbones import SD
from staytrue.config import overridden, parse_as
from staytrue.protect.adaptive import Adaptive
from staytrue.protect.config import ProtectConfig, spelled_out
from staytrue.protect.pgd import PGD
from staytrue.purify.chain import Chain
from staytrue.purify.diffpure import DiffPure
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.resize import Resize
from staytrue.purify.vae_roundtrip import VaeRoundtrip
from tests.protect.scenes import RADIUS, make_scene
from tests.tiny import tiny_sd

CHAIN = Chain(steps=(Resize(share=0.5), Jpeg(quality=60)))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tiny_sd(tmp_path_factory.mktemp("tiny") / "sd", size=16)
    return make_scene(folder, rows=1, spec=SD(path=str(folder)))


@pytest.mark.parametrize("purifier", [CHAIN, VaeRoundtrip()], ids=lambda p: p.name)
def test_a_purifier_with_load_can_be_expected(scene, purifier):
    attacked = Adaptive(purifier=purifier, pgd=PGD(steps=1)).perturb(scene)
    moved = (attacked - scene.clean).abs()
    assert 0 < moved.max() <= RADIUS + 1e-6
    assert attacked.ge(0).all() and attacked.le(1).all()


def test_each_draw_meets_a_random_purifier_with_other_chances(scene, monkeypatch):
    """DiffPure of the same photo, in the two draws of one step: two pictures, and the same two when asked again."""
    seen = []

    def watched(self, pixels, rows, draw, caption=None):
        seen.append((draw, pixels.detach()))
        return pixels.square().mean((1, 2, 3))

    monkeypatch.setattr("staytrue.protect.surrogate.Surrogate.denoising", watched)
    for _ in range(2):
        Adaptive(purifier=DiffPure(steps=1), pgd=PGD(steps=1, draws=2)).perturb(scene)
    pictures = dict(seen)
    assert pictures.keys() == {0, 1} and len(seen) == 4
    assert not pictures[0].equal(pictures[1])
    assert all(pixels.equal(pictures[draw]) for draw, pixels in seen)


def test_a_chain_is_written_on_the_command_line():
    told = [
        "protect.method=adaptive",
        'protect.method.purifier={name="chain", steps=[{name="resize", share=0.5}, {name="jpeg", quality=60}]}',
    ]
    base = {"subject": {"name": "rex", "photos": "photos", "class_noun": "dog"}}
    config = parse_as(ProtectConfig, overridden(base, spelled_out(told)))
    assert config.protect.method.purifier == CHAIN
    assert parse_as(ProtectConfig, json.loads(config.model_dump_json())) == config
