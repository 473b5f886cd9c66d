import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from staytrue.backbones import SD
from staytrue.errors import BackboneError
from staytrue.generate import TEA, Generate, Sampling, SubjectGuidance, WordGuidance
from staytrue.generate.stage import generate_stage
from staytrue.images.metadata import read_png_facts
from staytrue.images.photos import PhotoRow
from staytrue.runs import RunFolder, read_jsonl, write_json, write_jsonl
from staytrue.types import Picture, Subject
from tests.dying import dies_at
from tests.tiny import tiny_sd

GENERATE = Generate(
    prompts=("a {} on the beach", "a red {}"), images_per_prompt=2, sampling=Sampling(steps=2, guidance=2.0)
)


@pytest.fixture
def made(tmp_path):
    run = RunFolder(tmp_path / "run")
    photos = run.purified / "my-dog"
    photos.mkdir(parents=True)
    Image.new("RGB", (32, 32), "red").save(photos / "00.png")
    write_jsonl(photos / "photos.jsonl", [PhotoRow("00.png", None, "x", "0")])
    tiny_sd(run.model, seed=1)  # another model than the base: as if trained
    write_json(run.training / "manifest.json", {"key": "trained"})
    subjects = (Subject(name="my-dog", photos=tmp_path, class_noun="dog"),)
    return run, subjects, SD(path=str(tiny_sd(tmp_path / "base")))


def pixels(run, picture):
    return np.asarray(Image.open(run.images / picture.file)).astype(int)


def test_draws_base_and_personalized_from_the_same_seeds(made):
    run, subjects, backbone = made
    assert generate_stage(run, GENERATE, subjects, backbone)
    pictures = read_jsonl(run.images / "images.jsonl", Picture)
    base, own = ([p for p in pictures if p.model == m] for m in ("base", "personalized"))
    assert len(base) == len(own) == 4
    assert [p.seed for p in base] == [p.seed for p in own]
    assert {p.prompt for p in own} == {"a olis dog on the beach", "a red olis dog"}
    assert all(p.prompt == p.prompt_plain for p in base)
    assert any(np.abs(pixels(run, b) - pixels(run, o)).max() > 3 for b, o in zip(base, own, strict=True))
    assert (run.images / "grid-my-dog.png").is_file()
    assert not generate_stage(run, GENERATE, subjects, backbone)


def test_a_png_says_how_it_was_made(made):
    run, subjects, backbone = made
    generate_stage(run, GENERATE, subjects, backbone)
    picture = next(p for p in read_jsonl(run.images / "images.jsonl", Picture) if p.model == "personalized")
    facts = read_png_facts(run.images / picture.file)
    assert facts["prompt"] == picture.prompt
    assert facts["seed"] == str(picture.seed)
    assert "personalized" in facts["model"]
    assert (facts["solver"], facts["steps"], facts["guidance"]) == ("ddim", "2", "2.0")


def test_what_the_identifier_draws_by_itself_is_drawn_apart(made):
    """No suffix, no negative prompt, no TEA, not among the pictures that are scored, and by the personalized model alone."""
    run, subjects, backbone = made
    sampling = replace(GENERATE.sampling, negative="olis noise", tea=TEA(rotation=0.9))
    settings = replace(GENERATE, concept=2, suffix="without olis noise", sampling=sampling)
    generate_stage(run, settings, subjects, backbone)
    pictures = read_jsonl(run.images / "concept.jsonl", Picture)
    assert [p.prompt for p in pictures] == ["a photo of olis"] * 2 + ["a photo of a olis dog"] * 2
    assert len({p.seed for p in pictures}) == 2  # the same noise for both
    assert {p.file for p in pictures}.isdisjoint(p.file for p in read_jsonl(run.images / "images.jsonl", Picture))
    drawn = read_png_facts(run.images / pictures[0].file)
    assert (drawn["prompt"], drawn["negative_prompt"]) == ("a photo of olis", "")
    assert "personalized" in drawn["model"]
    assert "tea" not in drawn
    other = replace(settings, sampling=replace(sampling, negative="", tea=None))
    before = pixels(run, pictures[0])
    (run.images / pictures[0].file).unlink()
    generate_stage(run, other, subjects, backbone)
    assert (pixels(run, pictures[0]) == before).all()  # what the prompts are drawn with is not asked for here


def test_of_two_subjects_each_word_is_drawn(made, tmp_path):
    run, subjects, backbone = made
    shutil.copytree(run.purified / "my-dog", run.purified / "my-cup")
    both = (*subjects, Subject(name="my-cup", photos=tmp_path, class_noun="cup", identifier="<new>"))
    generate_stage(run, replace(GENERATE, prompts=("a {}",), concept=1), both, backbone)
    said = [p.prompt for p in read_jsonl(run.images / "concept.jsonl", Picture)]
    assert said == ["a photo of olis", "a photo of a olis dog", "a photo of <new>", "a photo of a <new> cup"]


def test_identifiers_of_all_subjects_are_taken_out_of_the_plain_prompt(made, tmp_path):
    """Also where one is written into another's prompt by hand: the base model does not know the word, nor do judges."""
    run, subjects, backbone = made
    shutil.copytree(run.purified / "my-dog", run.purified / "my-cat")
    both = (*subjects, Subject(name="my-cat", photos=tmp_path, class_noun="cat", identifier="sks"))
    prompts = ("a red {} beside an Olis dog and a sks cat",)
    generate_stage(run, replace(GENERATE, prompts=prompts, images_per_prompt=1, concept=0), both, backbone)
    base, plain = zip(
        *[(p.prompt, p.prompt_plain) for p in read_jsonl(run.images / "images.jsonl", Picture)[:2]], strict=True
    )
    assert base == plain == ("a red dog beside a dog and a cat", "a red cat beside a dog and a cat")


def test_an_interrupted_stage_keeps_what_is_right_and_redraws_what_is_not(made):
    run, subjects, backbone = made
    generate_stage(run, GENERATE, subjects, backbone)
    files = sorted(run.images.glob("my-dog/*/*.png"))
    kept, wrong, lost, damaged = files[:4]
    before = {file: file.read_bytes() for file in files}
    stamp = kept.stat().st_mtime_ns
    Image.new("RGB", (32, 32)).save(wrong)  # without our metadata
    lost.unlink()
    damaged.write_bytes(before[damaged][:-200])
    (run.images / "manifest.json").unlink()
    assert generate_stage(run, GENERATE, subjects, backbone)
    assert kept.stat().st_mtime_ns == stamp
    for file in (wrong, lost, damaged):
        assert file.read_bytes() == before[file]


@pytest.fixture
def company(monkeypatch):
    """Makes visible what a picture is drawn with: latents move by what else is in the batch. Lists the batches' prompts."""
    from staytrue.generate import solver

    batches, solve = [], solver.solve

    def moved(backbone, requests, sampling, guide=None):
        batches.append([r.prompt for r in requests])
        return solve(backbone, requests, sampling, guide) + sum(r.seed % 97 for r in requests) / 97

    monkeypatch.setattr(solver, "solve", moved)
    return batches


@pytest.mark.parametrize("write", [2, 4, 9])
def test_killed_between_two_writes_of_a_batch_it_ends_at_the_same_bytes(made, company, monkeypatch, write):
    """Ten pictures in batches of three; the process dies before a write, and the stage is called again."""
    from staytrue.generate import stage

    run, subjects, backbone = made
    threes = Sampling(steps=1, guidance=1.0, batch=3)
    prompts = ("a {} on the beach", "a red {}")
    settings = Generate(prompts=prompts, images_per_prompt=5, base=False, concept=0, sampling=threes)
    generate_stage(run, settings, subjects, backbone)
    files = sorted(run.images.glob("my-dog/*/*.png"))
    whole, batches = [file.read_bytes() for file in files], list(company)
    assert [len(batch) for batch in batches] == [3, 3, 3, 1]
    for file in (*files, run.images / "manifest.json"):
        file.unlink()
    dies_at(monkeypatch, stage, write)
    with pytest.raises(KeyboardInterrupt):
        generate_stage(run, settings, subjects, backbone)
    assert sum(file.is_file() for file in files) == write - 1
    company.clear()
    generate_stage(run, settings, subjects, backbone)
    assert company == batches[(write - 1) // 3 :], "only batches of which something was missing, and these whole"
    assert [file.read_bytes() for file in files] == whole


def test_other_prompts_replace_the_pictures(made):
    run, subjects, backbone = made
    generate_stage(run, GENERATE, subjects, backbone)
    other = Generate(prompts=("a cat",), images_per_prompt=1, base=False, concept=0, sampling=GENERATE.sampling)
    assert generate_stage(run, other, subjects, backbone)
    assert [p.relative_to(run.images).as_posix() for p in run.images.glob("my-dog/*/*.png")] == [
        "my-dog/personalized/00-a-cat-0.png"
    ]
    assert json.loads((run.images / "manifest.json").read_text())["pictures"] == 1


def test_pictures_stay_until_the_others_are_there(made, monkeypatch):
    run, subjects, backbone = made
    generate_stage(run, GENERATE, subjects, backbone)
    before = {path: path.read_bytes() for path in run.images.glob("my-dog/*/*.png")}

    def fails(*_):
        raise BackboneError("out of memory")

    monkeypatch.setattr("staytrue.generate.stage._draw", fails)
    with pytest.raises(BackboneError):
        generate_stage(run, replace(GENERATE, prompts=("a cat",)), subjects, backbone)
    assert {path: path.read_bytes() for path in run.images.glob("my-dog/*/*.png")} == before


def test_a_picture_taken_away_is_drawn_again(made):
    run, subjects, backbone = made
    generate_stage(run, GENERATE, subjects, backbone)
    taken = next(run.images.glob("my-dog/*/*.png"))
    before = taken.read_bytes()
    taken.unlink()
    assert generate_stage(run, GENERATE, subjects, backbone)
    assert taken.read_bytes() == before
    assert not generate_stage(run, GENERATE, subjects, backbone)


@pytest.mark.parametrize(("trained", "remedy"), [(False, "run `staytrue train`"), (True, "put it back, or delete")])
def test_no_trained_model_is_said(made, trained, remedy):
    run, subjects, backbone = made
    (run.model / "model_index.json").unlink()
    if not trained:
        (run.training / "manifest.json").unlink()
    with pytest.raises(BackboneError, match=f"no trained model.*{remedy}"):
        generate_stage(run, GENERATE, subjects, backbone)


def test_suffix_and_adjustment_are_the_personalized_models_alone(made):
    run, subjects, backbone = made
    plain = Generate(prompts=("a {} on the beach",), images_per_prompt=1, sampling=GENERATE.sampling)
    generate_stage(run, plain, subjects, backbone)
    before = {p.model: (p, pixels(run, p)) for p in read_jsonl(run.images / "images.jsonl", Picture)}
    settings = replace(GENERATE.sampling, negative="noisy", tea=TEA(rotation=0.5))
    changed = replace(plain, suffix="without zwx noisy pattern", sampling=settings)
    assert changed.texts(subjects) == ["a olis dog on the beach without zwx noisy pattern"]
    generate_stage(run, changed, subjects, backbone)
    pictures = {p.model: p for p in read_jsonl(run.images / "images.jsonl", Picture)}
    assert pictures["personalized"].prompt == "a olis dog on the beach without zwx noisy pattern"
    assert pictures["base"].prompt == pictures["personalized"].prompt_plain == "a dog on the beach"
    facts = {model: read_png_facts(run.images / p.file) for model, p in pictures.items()}
    assert "rotation=0.5" in facts["personalized"]["tea"]
    assert "tea" not in facts["base"]
    assert all(said["negative_prompt"] == "noisy" for said in facts.values())
    only_tea = replace(plain, sampling=replace(plain.sampling, tea=TEA(rotation=0.5)))
    generate_stage(run, only_tea, subjects, backbone)
    after = {p.model: pixels(run, p) for p in read_jsonl(run.images / "images.jsonl", Picture)}
    assert np.abs(after["personalized"] - before["personalized"][1]).max() > 0
    assert np.abs(after["base"] - before["base"][1]).max() <= 1


def drawn_with(made, guides, backbone=None):
    """File -> its pixels and facts, of base, personalized and concept pictures."""
    run, subjects, own = made
    settings = Generate(
        prompts=("a {} on the beach",), images_per_prompt=1, sampling=GENERATE.sampling, concept=1, guides=guides
    )
    generate_stage(run, settings, subjects, backbone or own)
    pictures = read_jsonl(run.images / "images.jsonl", Picture) + read_jsonl(run.images / "concept.jsonl", Picture)
    return {p.file: (pixels(run, p), read_png_facts(run.images / p.file)) for p in pictures}


@pytest.mark.parametrize("guide", [WordGuidance(weight=2.0), SubjectGuidance(weight=2.0)], ids=lambda guide: guide.name)
def test_a_guide_is_for_the_personalized_model_alone(made, guide):
    before, after = drawn_with(made, {}), drawn_with(made, {"one": guide})
    changed = {file for file in before if np.abs(before[file][0] - after[file][0]).max() > 1}
    assert changed == {file for file, (_, facts) in after.items() if "guides" in facts}
    [own] = changed
    assert "/personalized/" in own
    assert after[own][1]["guides"] == str(guide)
    again = drawn_with(made, {"one": replace(guide, weight=0.0)})
    for file, (made_again, facts) in again.items():
        np.testing.assert_allclose(made_again, before[file][0], atol=1)
        assert facts == before[file][1]


def test_a_guide_is_for_prompts_that_name_the_subject(made):
    """A prompt without a slot is drawn as it is written, and the suffix, which may hold the identifier, names nobody."""
    run, subjects, backbone = made

    def drawn(guides):
        settings = Generate(
            prompts=("a dog on the beach", "a olis dog in the snow"),
            images_per_prompt=1,
            sampling=GENERATE.sampling,
            suffix="without olis noise",
            base=False,
            guides=guides,
        )
        generate_stage(run, settings, subjects, backbone)
        return [pixels(run, p) for p in read_jsonl(run.images / "images.jsonl", Picture)]

    plain, guided = drawn({}), drawn({"one": WordGuidance(weight=2.0), "other": SubjectGuidance(weight=2.0)})
    nobody, mine = (np.abs(a - b).max() for a, b in zip(plain, guided, strict=True))
    assert nobody <= 1 < mine


def test_word_guidance_asks_the_untrained_model(made):
    """Another base under the same trained model changes nothing without guides, and words with them."""
    run, _, backbone = made
    other = run.root / "as-base"
    shutil.copytree(backbone.path, other)
    for part in ("unet", "text_encoder"):
        shutil.rmtree(other / part)
        shutil.copytree(run.model / part, other / part)
    other = SD(path=str(other))

    def mine(guides, base):
        return next(shown for file, (shown, _) in drawn_with(made, guides, base).items() if "/personalized/" in file)

    np.testing.assert_allclose(mine({}, backbone), mine({}, other), atol=1)
    words, subject = {"one": WordGuidance(weight=2.0)}, {"one": SubjectGuidance(weight=2.0)}
    np.testing.assert_allclose(mine(subject, backbone), mine(subject, other), atol=1)
    assert np.abs(mine(words, backbone) - mine(words, other)).max() > 1
