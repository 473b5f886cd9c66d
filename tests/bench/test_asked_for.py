"""``identity_asked``: likeness to pictures of the subject just as the prompt asks for it."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from foundry.world.draw import is_mirrored
from foundry.world.ideal import ideal
from foundry.world.sprites import CACHE
from foundry.world.subjects import subjects
from staytrue.backbones import SD
from staytrue.bench.asked_for import FILE, asked_for, named
from staytrue.bench.judge import Drawn, judged, photos_in
from staytrue.bench.measure import open_judges
from staytrue.bench.metrics import mean_cosine
from staytrue.bench.plan import judge_specs
from staytrue.bench.prompts import Asked, suite_prompts
from staytrue.bench.subjects import members
from staytrue.recipes import recipe
from staytrue.recipes.demo import bundled_subject

EVERY = ("prompts", "rephrased", "two-conditions", "identifier-first", "portraits")
needs_sprites = pytest.mark.skipif(not CACHE.exists(), reason="no sprites: run `python -m foundry.world.rasterize`")


@pytest.fixture(scope="module")
def judges():
    return open_judges(*judge_specs(recipe("dreambooth", SD())), only_drawn=True, device="cpu")


@pytest.fixture(scope="module")
def judge(judges):
    return judges.dino


def test_the_name_of_conditions_does_not_depend_on_their_order():
    one = {"color": "green", "background": "on a purple rug"}
    assert named(one) == named(dict(reversed(one.items()))) == "background=on a purple rug; color=green"


def test_every_prompt_of_every_subject_is_known_to_the_judge_that_ships(judge):
    for member in members():
        for asked in suite_prompts(member.subject, EVERY):
            found = asked_for(member.name, asked.conditions, judge.sha256)
            assert found is not None, (member.name, asked.id)
            assert found.shape == (1, 160)
            assert 0.3 < np.linalg.norm(found) <= 1.001  # a mean of unit vectors that agree


def test_another_judge_another_subject_and_other_conditions_are_unknown(judge):
    red = {"color": "red"}
    assert asked_for("can", red, judge.sha256) is not None
    assert asked_for("can", red, "ab") is None
    assert asked_for("my-can", red, judge.sha256) is None
    assert asked_for("can", {"color": "mauve"}, judge.sha256) is None


def test_a_cosine_with_the_mean_is_the_mean_of_the_cosines():
    rng = np.random.default_rng(0)
    pictures, ideals = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.normal(size=(2, 5, 8)))
    slowly = [np.mean([float(p @ i) for i in ideals]) for p in pictures]
    np.testing.assert_allclose(mean_cosine(pictures, ideals.mean(axis=0)[None]), slowly)


def test_a_run_is_scored_by_it(judges):
    """A photo in place of a picture of "a red can": its score is its product with what was asked for."""
    can = bundled_subject("can")
    photo = photos_in(can.photos)[0]
    [asked] = [a for a in suite_prompts(can, ("prompts",)) if a.conditions == {"color": "red"}]
    scores = judged(judges, can, Drawn([asked], [[photo]], (), ()))
    [row] = scores["images"]
    wanted = asked_for("can", asked.conditions, judges.dino.sha256)
    expected = float((judges.dino.images([photo]).numpy() @ wanted.T)[0, 0])
    assert row[scores["columns"].index("identity_asked")] == pytest.approx(expected)
    assert row[scores["columns"].index("conditions")] in (0, 1)
    plain = Asked("p", "portraits", "portrait", "a {}", {})  # asks for nothing, so nothing can be found
    [row] = judged(judges, can, Drawn([plain], [[photo]], (), ()))["images"]
    assert np.isnan(row[scores["columns"].index("conditions")])


@needs_sprites
def test_who_obeys_is_nearer_than_who_ignores_the_prompt_or_draws_another(judge):
    drawn = {s.name: s for s in subjects()}
    told = {"style": "a pencil sketch of"}
    wanted = asked_for("robot_toy", told, judge.sha256)

    def score(name, told):
        pictures = [Image.fromarray(ideal(drawn[name], told, 50 + n)) for n in range(4)]
        return float(mean_cosine(judge.images(pictures).numpy(), wanted).mean())

    obeys, ignores, another = score("robot_toy", told), score("robot_toy", {}), score("can", told)
    assert obeys > 0.6
    assert obeys > ignores + 0.1
    assert obeys > another + 0.2


@needs_sprites
def test_letters_can_be_read_whatever_the_prompt(monkeypatch):
    """Of ten layouts some would mirror; a can with its letter is drawn in none of them, without it in some."""
    drawn = []
    monkeypatch.setattr("foundry.world.ideal.render", lambda scene, own: drawn.append(is_mirrored(scene)))
    can = next(s for s in subjects() if s.name == "can")
    assert can.lettered
    for who in (can, replace(can, lettered=False)):
        for number in range(10):
            ideal(who, {"color": "red"}, number)
    assert not any(drawn[:10])
    assert any(drawn[10:])


@needs_sprites
def test_each_number_is_another_picture_and_always_the_same():
    can = next(s for s in subjects() if s.name == "can")
    first, again, second = (ideal(can, {"background": "on the beach"}, n) for n in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    with pytest.raises(ValueError, match="the world has no color 'mauve'"):
        ideal(can, {"color": "mauve"}, 0)


def test_the_file_says_how_many_pictures_its_means_are_of():
    with safe_open(FILE, "numpy") as file:
        assert int(file.metadata()["pictures"]) == 8
