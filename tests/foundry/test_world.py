"""The miniature's world: grammar, determinism, and what stays held out."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foundry.sources import SOURCES
from foundry.world import sprites
from foundry.world.captions import article, caption
from foundry.world.dataset import picture
from foundry.world.instances import instance_views, render_instance
from foundry.world.nouns import PROPS, all_emoji, held_out_emoji, is_held_out, nouns
from foundry.world.scene import Scene, sample_scene
from foundry.world.sprites import CACHE, all_keys, design_of, drawings, drawn_keys, world_sprites, write_list
from foundry.world.stage import SECONDS
from foundry.world.subjects import subjects

ASSETS = Path(__file__).parents[2] / "src" / "staytrue" / "assets"
needs_sprites = pytest.mark.skipif(not CACHE.exists(), reason="no sprites: run `python -m foundry.world.rasterize`")
CONDITIONS = ("color", "texture", "shape", "accessory", "second", "background", "style", "mood", "motion", "rare")
DOG = Scene("dog", "fluent-dog/plain", "fluent", "fluent/dog", 0, "on the grass", layout=1)
SHADES = replace(DOG, noun="sunglasses", design="fluent-sunglasses/plain", sprite="fluent/sunglasses")


def forms(scene: Scene) -> set[str]:
    """Every wording of a scene that sixty draws find."""
    return {caption(scene, np.random.default_rng(seed)) for seed in range(60)}


def missing(scene: Scene, text: str) -> list[str]:
    """Conditions of a scene that a caption leaves out."""
    said = [getattr(scene, name) for name in (*CONDITIONS, "degradation")] + [scene.hypernym or scene.noun]
    return [value for value in said if value and value not in text]


def test_plain_subject_has_an_article() -> None:
    assert forms(DOG) == {"a dog", "a photo of a dog"}


def test_articles_follow_the_sound_of_the_next_word() -> None:
    assert article("orange dog") == "an orange dog"
    assert article("dog") == "a dog"


def test_plurals_take_no_article() -> None:
    said = forms(replace(SHADES, color="red"))
    assert {"red sunglasses", "a pair of red sunglasses", "sunglasses that are red"} <= said
    assert not any(text.startswith("a red") for text in said)


def test_rare_word_stands_right_before_the_noun() -> None:
    said = forms(replace(DOG, color="red", texture="striped", rare="olis"))
    assert all("olis dog" in text for text in said)


def test_hypernym_replaces_the_noun() -> None:
    assert all("animal" in text and "dog" not in text for text in forms(replace(DOG, hypernym="animal")))


@pytest.mark.parametrize("degradation", ["noisy", "blurry", "low quality", "jpeg artifacts", "without noise"])
def test_degradations_are_said(degradation: str) -> None:
    scene = replace(DOG, background="on the beach", degradation=degradation)
    assert all(degradation in text and "on the beach" in text for text in forms(scene))


def test_every_form_tells_everything() -> None:
    scene = replace(DOG, color="red", accessory="a crown", background="on the beach", motion="running", second="ball")
    for layout in range(12):
        turned = replace(scene, layout=layout)
        assert not [text for text in forms(turned) if missing(turned, text)]


def test_captions_are_lower_case_without_punctuation_but_commas() -> None:
    scene = replace(DOG, color="red", background="on the beach", style="painting")
    assert all(text == text.lower() and text.replace(",", "").replace(" ", "").isalpha() for text in forms(scene))


def test_minibench_has_thirty_subjects_on_held_out_drawings() -> None:
    assert len(subjects()) == 30
    assert sum(subject.living for subject in subjects()) == 9
    assert all(is_held_out(*subject.key.split("/")) for subject in subjects())


def test_no_design_straddles_the_benchmark_splits() -> None:
    """An emoji's drawings by Noto and by Noto v1 are siblings, so both are the same emoji here."""
    splits = defaultdict(set)
    for subject in subjects():
        splits[subject.key.split("/")[1]].add(subject.split)
    assert not [emoji for emoji, found in splits.items() if len(found) > 1]
    assert sum(subject.split == "tuning" for subject in subjects()) == 10


def test_the_shipped_table_of_subjects_is_the_foundrys() -> None:
    shipped = (ASSETS / "minibench" / "subjects.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in shipped] == [subject.row() for subject in subjects()]


def test_held_out_drawings_are_in_no_training_picture() -> None:
    assert not [key for key in world_sprites() if is_held_out(*key.split("/"))]
    held = {design for subject in subjects() for design in subject.row()["heldout"]}
    assert not held & {design_of(key) for key in world_sprites()}
    assert {subject.key for subject in subjects()} <= set(all_keys()) - set(world_sprites())


def test_sampled_scenes_show_no_subjects_emoji_as_noto_draws_it() -> None:
    """By the subjects' own emoji, not by `is_held_out`: neither Noto's drawings of them nor Noto v1's are ever chosen."""
    nouns_of_subjects = sorted({subject.noun for subject in subjects()})
    scenes = [sample_scene(np.random.default_rng(seed), noun) for noun in nouns_of_subjects for seed in range(60)]
    unseen = {f"{family}/{subject.key.split('/')[1]}" for subject in subjects() for family in ("noto", "noto-v1")}
    assert not unseen & {scene.sprite for scene in scenes}
    assert {scene.family for scene in scenes} >= {"fluent", "flat", "3d", "twemoji"}


def test_second_objects_and_props_are_no_held_out_drawings() -> None:
    assert not {*SECONDS.values(), *PROPS} & held_out_emoji()


def test_every_noun_has_two_designs_to_train_on() -> None:
    assert not [noun.name for noun in nouns().values() if len(drawings(noun.emoji)) < 2]


def test_the_list_of_sprites_has_what_the_nouns_and_props_ask_for(tmp_path, monkeypatch) -> None:
    emoji = [key.split("/")[1] for key in all_keys()]
    assert list(dict.fromkeys(emoji)) == list(all_emoji())
    assert {key.split("/")[0] for key in all_keys()} == set(SOURCES)
    assert len(set(all_keys())) == len(all_keys())
    before = sprites.LISTED.read_text()
    monkeypatch.setattr(sprites, "LISTED", tmp_path / "sprites.txt")
    write_list(list(all_keys()))
    assert sprites.LISTED.read_text() == before


@needs_sprites
def test_the_list_of_sprites_is_that_of_the_pixels() -> None:
    assert drawn_keys() == all_keys()


def test_scenes_are_reproducible_and_splits_differ() -> None:
    for index in range(20):
        first, again, other = (sample_scene(np.random.default_rng((seed, index))) for seed in (1, 1, 2))
        assert first == again != other


@needs_sprites
def test_pictures_are_reproducible_and_splits_differ() -> None:
    for index in range(8):
        (pixels, rows), again = picture(1, index), picture(1, index)
        assert np.array_equal(pixels, again[0]) and rows == again[1]
        assert rows != picture(2, index)[1]


def test_captions_of_sampled_scenes_mention_every_condition() -> None:
    for seed in range(150):
        rng = np.random.default_rng(seed)
        scene = sample_scene(rng)
        assert not missing(scene, caption(scene, rng))


@needs_sprites
def test_instances_show_one_individual_in_many_places() -> None:
    pixels, rows = instance_views(1, 3, 4)
    assert pixels.shape == (4, 64, 64, 3)
    assert len({row["background"] for row in rows}) == 4 and len({row["design"] for row in rows}) == 1
    assert len(render_instance(np.random.default_rng(0), "dog", 2)) == 2
