"""Choosing the checkpoint: the rule by hand, what it may see, stopping, resuming, and what is exported."""

import re
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from staytrue import pipeline
from staytrue.backbones import SD
from staytrue.bench.prompts import ListName, class_prompts, other_prompts, suite_prompts, suite_words
from staytrue.bench.subjects import HOME
from staytrue.checks import unknown_words
from staytrue.config import overridden, parse, values_of
from staytrue.encoders.own import own_clip
from staytrue.errors import ConfigError
from staytrue.evaluate.base import Judged
from staytrue.generate.prompts import fill
from staytrue.generate.sampling import Sampling
from staytrue.generate.tea import TEA
from staytrue.recipes import RECIPES, recipe
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import read_json, read_jsonl
from staytrue.train import selection as selecting
from staytrue.train import stage
from staytrue.train.scored import cost_line, cost_share, scored_steps
from staytrue.train.select import Candidate, Select
from staytrue.train.selection import hold_out
from staytrue.train.stage import read_samples, train_stage
from staytrue.types import Facts
from tests.caption.tiny_models import tiny_clip
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small, trained, weights

BASE = Candidate(0, identity=0.50, alignment=0.30)


def candidates(*scores):
    return [Candidate(100 * n, *pair) for n, pair in enumerate(scores, start=1)]


# (identity, alignment): likeness grows while the prompt is lost
TRIED = candidates((0.60, 0.31), (0.70, 0.28), (0.80, 0.279), (0.90, 0.20))


def test_the_largest_identity_within_the_margin_by_hand():
    """The floor is 0.30 - 0.02 = 0.28: of steps 100 and 200, 200 is more alike; 300 misses by 0.001."""
    select = Select(margin=0.02)
    assert select.floor(BASE) == pytest.approx(0.28)
    assert select.best(BASE, candidates((0.60, 0.31), (0.70, 0.281), (0.80, 0.279), (0.90, 0.20))).step == 200
    assert Select(margin=0.03).best(BASE, TRIED).step == 300
    assert Select(margin=0.2).best(BASE, TRIED).step == 400


def test_with_none_within_the_margin_the_best_aligned():
    assert Select(margin=0.0).best(BASE, candidates((0.9, 0.1), (0.6, 0.29), (0.8, 0.2))).step == 200


def test_of_two_equals_the_earlier():
    assert Select().best(BASE, candidates((0.6, 0.3), (0.6, 0.31), (0.6, 0.3))).step == 100


def test_the_sum_by_hand():
    """0.91, 0.98, 1.079 and 1.10: the last, which the margin would refuse."""
    assert Select(rule="sum", margin=0.0).best(BASE, TRIED).step == 400
    assert Select(rule="sum").floor(BASE) is None


def test_it_has_passed_after_so_many_that_were_not_better():
    """Best at 200; at 300 one was not better, at 400 two."""
    tried = candidates((0.6, 0.3), (0.7, 0.3), (0.65, 0.3), (0.69, 0.3))
    assert [Select(patience=2).passed(BASE, tried[:n]) for n in range(5)] == [False, False, False, False, True]
    assert [Select(patience=1).passed(BASE, tried[:n]) for n in range(5)] == [False, False, False, True, True]
    assert not Select(patience=None).passed(BASE, tried)


def test_the_best_changes_only_to_the_newest():
    """What lets one set of weights be kept: over random histories, each best is the one before or the newest."""
    generator = torch.Generator().manual_seed(0)
    for rule in ("identity", "sum"):
        for _ in range(50):
            tried = candidates(*torch.rand(8, 2, generator=generator).tolist())
            best = [Select(rule=rule).best(BASE, tried[:n]).step for n in range(1, 9)]
            assert all(new in (old, 100 * n) for n, (old, new) in enumerate(pairwise(best), start=2))


def test_nothing_of_the_benchmark_is_seen():
    """Neither its judges nor a prompt of any list, nor what one asks for; and none asks for nothing, as portraits do."""
    miniature = Facts("sd", "tiny", 64, (4, 8, 8), "epsilon", is_miniature=True)
    folder = Path(own_clip("auto", miniature).checkpoint)
    assert folder.parent.name == "encoders"
    assert (folder / "config.json").is_file()
    lists, words = get_args(ListName), suite_words()
    assert {row["list"] for row in read_jsonl(HOME / "prompts.jsonl")} == set(lists)
    for living, noun in product((True, False), ("dog", "sneakers", "teddy bear")):
        subject = SUBJECT.model_copy(update={"living": living, "class_noun": noun})
        suite = suite_prompts(subject, lists)
        theirs = {text for asked in suite for text in vars(asked.prompt(subject)).values()}
        theirs |= {*class_prompts(subject), *other_prompts(subject)}
        conditions = {said for asked in suite for said in asked.conditions.values()}
        assert len(theirs) > 100
        for template in Select().prompts:
            mine = fill(template, subject)
            assert not theirs & {mine.text, mine.plain}
            assert not [said for said in conditions if re.search(rf"\b{re.escape(said)}\b", template)]
            assert any(word in template for word in words["backgrounds"] + words["styles"])


def test_the_miniature_knows_the_words_of_its_prompts():
    vocabulary = SD().facts().vocabulary
    assert {word for prompt in Select().prompts for word in prompt.replace("{}", "").split()} <= vocabulary


@pytest.fixture(params=["miniature", "real"])
def backbone(request, monkeypatch):
    if request.param == "miniature":
        return SD()
    monkeypatch.setattr(SD, "facts", lambda self: Facts("sd", "Stable Diffusion 1.5", 512, (4, 64, 64), "epsilon"))
    return SD(path="some/model")


def select_of(name, backbone, **changes):
    """A recipe's training, with a selection."""
    return replace(recipe(name, backbone).train, select=Select(**changes))


@pytest.mark.parametrize("subjects", [1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_choosing_costs_less_than_15_percent_of_any_recipe_wherever_it_stops(name, backbone, subjects):
    """In rows through the denoiser: a guided step is 2, a decoding 3, a trained row 3, or 2 where few weights train.

    The frozen model's rows, which make training longer, are left out.
    """
    train = select_of(name, backbone)
    scored, select = scored_steps(train, subjects), train.select
    assert len(scored) > 1
    assert scored[-1] == train.steps
    asked = [prompt for place in range(subjects) for prompt in select.shared(place, subjects)]
    drawn = len(asked) * len(select.seeds) * (8 * 2 + 3)
    step = (train.batch + train.class_rows) * (3 if train.adapter.name == "full" else 2)
    ends = [n for n in range(1, len(scored) + 1) if n > 2 or n == len(scored)]
    shares = [(1 + n) * drawn / (step * scored[n - 1]) for n in ends]
    assert cost_share(train, subjects, scored) == pytest.approx(max(shares))
    assert max(shares) < 0.15


@pytest.mark.parametrize("name", RECIPES)
def test_the_page_about_training_says_what_it_costs(name, backbone):
    train = select_of(name, backbone)
    scored = scored_steps(train, 1)
    page = (Path(__file__).parents[2] / "docs" / "4-train.md").read_text().splitlines()
    [line] = [line for line in page if line.startswith("|") and f"`{name}`" in line and "%" in line]
    _, _, *cells, _ = (cell.strip() for cell in line.split("|"))
    every, share = cells[2:] if backbone == SD() else cells[:2]
    assert every.split()[0] == str(scored[0])
    assert share == f"{100 * cost_share(train, 1, scored):.1f} %"


def test_the_interval_by_hand(monkeypatch):
    """DreamBooth trains 6 rows a step, semantic anchoring 3; a candidate is 76.

    After three candidates it may stop: of 100 steps each that is 304 of 1,800 rows, 16.9 %, too many; of 200 steps 304 of 3,600,
    8.4 %. The anchor's of 300 steps are 304 of 2,700, 11.3 %, and at the end 380 of 3,000, 12.7 %.
    """
    monkeypatch.setattr(SD, "facts", lambda self: Facts("sd", "Stable Diffusion 1.5", 512, (4, 64, 64), "epsilon"))
    train = select_of("dreambooth", SD(path="some/model"))
    assert cost_share(train, 1, (*range(100, 1100, 100),)) == pytest.approx(304 / 1800)
    assert scored_steps(train, 1) == (200, 400, 600, 800, 1000)
    assert cost_line(train, 1) == (
        "choosing: 4 pictures after every 200 steps, at most 8.4 % of the time of training (by count)"
    )
    assert scored_steps(replace(train, accumulation=2), 1)[0] == 100
    assert scored_steps(replace(train, checkpoint_every="150 steps"), 1)[0] == 150
    anchored = select_of("semantic-anchoring", SD(path="some/model"))
    assert scored_steps(anchored, 1) == (300, 600, 900, 1000)
    assert cost_share(anchored, 1, scored_steps(anchored, 1)) == pytest.approx(380 / 3000)
    assert scored_steps(replace(anchored, class_rows=1), 1) == scored_steps(anchored, 1)  # nothing needs any


def test_an_interval_of_one_s_own_is_kept():
    train = replace(recipe("dco", SD()).train, checkpoint_every="25 steps", select=Select(every="50 steps"))
    with pytest.raises(
        ConfigError, match=r"select\.every \(50 steps\) must be a multiple of checkpoint_every \(100 steps\)"
    ):
        parse({"train": {"select": {"every": "50 steps"}}})
    assert scored_steps(train, 1) == (50, 100, 150, 200)
    assert cost_share(train, 1, scored_steps(train, 1)) > 0.15


def test_a_training_too_short_to_choose_from_is_refused():
    """Three scorings of 76 rows are 16.3 % of 175 steps of 8 rows, and would be 15 % of 190."""
    with pytest.raises(ConfigError, match=r"take 16\.3% .* train for 191 steps or more"):
        scored_steps(replace(select_of("dco", SD()), steps=175), 1)
    assert scored_steps(replace(select_of("dco", SD()), steps=191), 1) == (100, 191)


def test_what_a_refusal_advises_can_be_followed():
    """50 steps of 4 rows are too few for any interval: 228 of 600 rows are 38 %. So it asks for steps, and for enough at once."""
    train = replace(select_of("semantic-anchoring", SD()), steps=50)
    for every, enough in (("100 steps", 127), ("10 steps", 127), ("400 steps", 401)):
        short = replace(train, checkpoint_every=every)
        with pytest.raises(ConfigError, match=rf"take 38\.0% .* train for {enough} steps or more"):
            scored_steps(short, 1)
        assert len(scored_steps(replace(short, steps=enough), 1)) > 1
    longer = replace(train, steps=200, checkpoint_every="200 steps")
    with pytest.raises(ConfigError, match=r"nothing to choose from: .* set train\.checkpoint_every to 50 steps or so"):
        scored_steps(longer, 1)
    assert scored_steps(replace(longer, checkpoint_every="50 steps"), 1) == (100, 200)


def test_several_subjects_share_the_prompts():
    """Two see two each, five at least one: a candidate of up to four subjects is four pictures."""
    select, a, b, c, d = Select(), *Select().prompts
    assert [select.shared(place, 1) for place in range(1)] == [(a, b, c, d)]
    assert [select.shared(place, 2) for place in range(2)] == [(a, c), (b, d)]
    assert [select.shared(place, 5) for place in range(5)] == [(a,), (b,), (c,), (d,), (a,)]
    for subjects in (1, 2, 3, 4, 5, 9):
        assert sum(len(select.shared(n, subjects)) for n in range(subjects)) == select.pictures(subjects)
    assert Select(seeds=(0, 1)).pictures(3) == 8


def test_each_subject_is_drawn_and_compared_with_its_own_photo(tmp_path):
    cat = SUBJECT.model_copy(update={"name": "tom", "class_noun": "cat", "identifier": "sks"})
    photos = tuple((one, Image.new("RGB", (16, 16), color)) for one, color in ((SUBJECT, "red"), (cat, "blue")))
    selection = selecting.Selection(small(select=Select(prompts=("a {}", "a big {}"))), photos, tmp_path)
    asked = list(selection._asked(SimpleNamespace(step=1)))
    assert [(request.prompt, plain) for request, plain, _ in asked] == [
        ("a olis dog", "a dog"),
        ("a big sks cat", "a big cat"),
    ]
    assert [photo for *_, photo in asked] == [photo for _, photo in photos]


def test_a_prompt_that_names_another_subject_by_hand_is_plain_where_the_base_or_the_judge_reads_it(tmp_path):
    cat = SUBJECT.model_copy(update={"name": "tom", "class_noun": "cat", "identifier": "sks"})
    photos = tuple((one, Image.new("RGB", (16, 16))) for one in (SUBJECT, cat))
    prompts = ("a {} and a sks cat", "a {} and a olis dog")
    selection = selecting.Selection(small(select=Select(prompts=prompts)), photos, tmp_path)
    base, trained = ([a[:2] for a in selection._asked(SimpleNamespace(step=step))] for step in (0, 1))
    assert (
        [request.prompt for request, _ in base]
        == [plain for _, plain in trained]
        == ["a dog and a cat", "a cat and a dog"]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return str(tiny_clip(tmp_path_factory.mktemp("clip") / "tiny"))


def select_with(clip, **changes):
    fixed = {"prompts": ("a photo of a {}", "a {} in the grass"), "sampling": Sampling(steps=2), "margin": 2.0}
    fixed["every"] = "2 steps"
    return Select(**{"checkpoint": clip, "patience": None} | fixed | changes)


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def choice(run):
    """What was measured and chosen, without the seconds."""
    rows = [(row.step, row.identity, row.alignment) for row in read_jsonl(run.training / selecting.FILE, Candidate)]
    return rows, read_json(run.training / "manifest.json")["selected"]["step"]


def scored(monkeypatch, *table):
    """The scores are these, in order; the base model's first."""
    given = iter(table)
    monkeypatch.setattr(selecting, "means", lambda *_: next(given))


def test_the_held_out_photo_is_not_trained_on(tmp_path, folder, clip, monkeypatch):
    run, seen, judged = make_run(tmp_path), [], []
    make, means = stage.step_maker, selecting.means
    monkeypatch.setattr(stage, "step_maker", lambda job, *a: seen.append(job) or make(job, *a))
    monkeypatch.setattr(selecting, "means", lambda c, pictures: judged.extend(pictures) or means(c, pictures))
    train_stage(run, small(steps=4, select=select_with(clip)), [SUBJECT], SD(path=str(folder)), 3)
    [job] = seen
    photo, every = job.held["rex"], read_samples(run, [SUBJECT])
    assert (run.root / photo).is_file()
    assert len([s for s in every if s.image == photo]) == 1
    assert [s for s in every if s.image != photo] == list(job.samples)
    expected = selecting.square(run.root / photo, 16)
    assert {picture.photos[0].tobytes() for picture in judged} == {expected.tobytes()}
    assert all("olis" not in picture.prompt for picture in judged)
    assert read_json(run.training / "manifest.json")["inputs"]["held_out"] == {"rex": str(photo)}


def test_which_photo_follows_from_the_seed_and_one_photo_is_too_few(tmp_path):
    samples = read_samples(make_run(tmp_path / "a"), [SUBJECT])
    assert hold_out(samples, 3) == hold_out(samples, 3)
    assert len({hold_out(samples, seed)[1]["rex"] for seed in range(20)}) > 1
    with pytest.raises(ConfigError, match=r"train\.select.*rex has 1"):
        train_stage(make_run(tmp_path / "b", photos=1), small(select=Select()), [SUBJECT], SD(path="absent"), 3)


@pytest.mark.parametrize("ema", [None, 0.5])
def test_the_export_is_the_chosen_step(tmp_path, folder, clip, monkeypatch, ema):
    """The scores say 4 of 6 steps: the model is that of a training of 4 steps, without any hook's help."""
    scored(monkeypatch, (0, 0.3), (0.5, 0.3), (0.7, 0.3), (0.6, 0.3))
    run = trained(tmp_path / "six", folder, select=select_with(clip), ema=ema)
    # the same photo must be missing: its score alone is not asked for
    scored(monkeypatch, (0, 0.3), (0.5, 0.3), (0.6, 0.3))
    four = trained(tmp_path / "four", folder, select=select_with(clip), ema=ema, steps=4)
    assert choice(run)[1] == choice(four)[1] == 4
    assert same(weights(run), weights(four))
    card = (run.model / "README.md").read_text()
    assert "| steps | 4 of" in card
    assert "chosen among the first 6" in card
    rows = read_jsonl(run.training / "curve.jsonl")
    assert rows[-1]["step"] == 6


def test_watching_changes_nothing(tmp_path, folder, clip, monkeypatch):
    """The last step chosen is the training of the same rows with nothing selected; moving average and all."""
    rising = [(0.1 * n, 0.3) for n in range(4)]
    scored(monkeypatch, *rising)
    run = trained(tmp_path / "a", folder, select=select_with(clip), ema=0.5)
    kept = hold_out(read_samples(run, [SUBJECT]), 3)[0]
    monkeypatch.setattr(stage, "read_samples", lambda *_: kept)
    assert same(weights(run), weights(trained(tmp_path / "b", folder, ema=0.5)))


def test_off_is_as_if_it_were_not_there(tmp_path, folder):
    off, absent = trained(tmp_path / "a", folder, select=None), trained(tmp_path / "b", folder)
    assert same(weights(off), weights(absent))
    assert not (off.training / selecting.FILE).exists()
    assert read_json(off.training / "manifest.json").keys() == read_json(absent.training / "manifest.json").keys()
    assert "selected" not in read_json(off.training / "manifest.json")


def test_checkpoints_between_are_not_scored(tmp_path, folder, clip):
    run = trained(tmp_path, folder, select=select_with(clip, every="4 steps"))
    assert [step for step, *_ in choice(run)[0]] == [0, 4, 6]


def test_nothing_to_choose_from_is_said_before_anything_loads(tmp_path):
    once = small(select=Select(), steps=600, checkpoint_every="600 steps")
    with pytest.raises(
        ConfigError, match=r"nothing to choose from: train\.checkpoint_every is 600 steps, and train\.steps 600"
    ):
        train_stage(make_run(tmp_path), once, [SUBJECT], SD(path="absent"), 3)


def test_it_stops_when_the_best_has_passed(tmp_path, folder, clip, monkeypatch):
    scored(monkeypatch, (0, 0.3), (0.5, 0.3), (0.7, 0.3), (0.6, 0.3))
    run = trained(tmp_path, folder, steps=60, select=select_with(clip, patience=1))
    manifest = read_json(run.training / "manifest.json")
    assert manifest["steps"] == 6
    selected = manifest["selected"]
    assert (selected["step"], selected["stopped_early"], selected["identity"]) == (4, True, 0.7)
    assert "chosen among the first 6 by" in (run.model / "README.md").read_text()
    assert read_jsonl(run.training / "curve.jsonl")[-1]["step"] == 6


def test_the_manifest_says_what_it_cost(tmp_path, folder, clip, capsys):
    run = trained(tmp_path, folder, select=select_with(clip))
    assert "choosing: 2 pictures after every 2 steps, at most 116.7 %" in " ".join(capsys.readouterr().err.split())
    selected = read_json(run.training / "manifest.json")["selected"]
    rows = read_jsonl(run.training / selecting.FILE, Candidate)
    assert [row.step for row in rows] == [0, 2, 4, 6]
    spent, training = sum(r.seconds for r in rows), sum(r.training_seconds for r in rows)
    assert selected["share"] == pytest.approx(spent / training, abs=1e-3)
    # 2 prompts of 2 guided steps and a decoding, four times, beside 6 steps of 4 rows of a LoRA
    assert selected["share_by_count"] == pytest.approx(4 * 2 * (2 * 2 + 3) / (6 * 4 * 2), abs=1e-4)
    assert all(row.seconds > 0 for row in rows)
    assert rows[0].training_seconds == 0
    assert all(row.training_seconds > 0 for row in rows[1:])
    assert not (run.training / "checkpoints").exists()


class Killed(BaseException):
    pass


@pytest.mark.parametrize("every", ["2 steps", "4 steps"])
@pytest.mark.parametrize("when", ["checkpoints", "selection", "stopped"])
def test_killed_and_resumed_it_chooses_the_same(tmp_path, folder, clip, monkeypatch, when, every):
    """Before a checkpoint's own file, before a row, and after it stopped, before the export; also where half are scored."""
    settings = {"select": select_with(clip, patience=1, every=every), "ema": 0.9, "steps": 20}
    whole = trained(tmp_path / "whole", folder, **settings)

    def dying(original, occurrence):
        seen = []

        def wrapped(*args):
            seen.append(args)
            if len(seen) == occurrence:
                raise Killed
            return original(*args)

        return wrapped

    place = {
        "checkpoints": ("staytrue.train.checkpoints.save_file", 2),
        "selection": ("staytrue.train.selection.write_jsonl", 3),
        "stopped": ("staytrue.train.stage._export", 1),
    }[when]
    with monkeypatch.context() as patch:
        module, _, name = place[0].rpartition(".")
        original = getattr(__import__(module, fromlist=[name]), name)
        patch.setattr(place[0], dying(original, place[1]))
        with pytest.raises(Killed):
            trained(tmp_path / "cut", folder, **settings)
    assert list((tmp_path / "cut/4-training/checkpoints").glob("step-*"))
    cut = trained(tmp_path / "cut", folder, **settings)
    assert choice(cut) == choice(whole)
    assert same(weights(cut), weights(whole))


def decoupled(*assignments):
    """Contrastive decoupling for a can, with a selection."""
    config = recipe("contrastive-decoupling", SD()).model_copy(update={"subjects": (bundled_subject("can"),)})
    return parse(overridden(values_of(config), ["train.select={}", *assignments]))


def test_checkpoints_are_asked_as_the_run_s_pictures_will_be():
    config, tea = decoupled(), decoupled("generate.sampling.tea={}").training()
    asked, drawn = config.training().select, config.generate.sampling
    assert (asked.suffix, asked.sampling.negative) == ("without zwx noise", drawn.negative)
    assert drawn.negative
    assert asked.sampling.tea is None
    assert tea.select.sampling.tea == TEA()
    assert replace(asked, suffix=None, sampling=replace(asked.sampling, negative="")) == Select()
    own = decoupled("train.select.suffix=", "train.select.sampling.negative=blurry").training().select
    assert (own.suffix, own.sampling.negative) == ("", "blurry")
    assert decoupled("train.select=null").training().select is None
    assert unknown_words(decoupled("train.select.suffix=without flurbish")) == ["flurbish"]


def test_the_suffix_ends_prompts_of_the_trained_model_alone(tmp_path):
    """As in stage 5: neither the base model nor the scores read it."""
    photos = ((SUBJECT, Image.new("RGB", (16, 16))),)
    selection = selecting.Selection(small(select=Select(prompts=("a {}",), suffix="without noise")), photos, tmp_path)
    asked = [next(selection._asked(SimpleNamespace(step=step)))[:2] for step in (0, 1)]
    assert [(request.prompt, plain) for request, plain in asked] == [
        ("a dog", "a dog"),
        ("a olis dog without noise", "a dog"),
    ]
    assert asked[0][0].seed == asked[1][0].seed


def test_a_run_trains_with_what_its_pictures_say(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr("staytrue.pipeline.look", lambda *_: [])
    for stage_before in ("purify", "caption", "regularize"):
        monkeypatch.setattr(f"staytrue.pipeline.{stage_before}_stage", lambda *_: True)
    monkeypatch.setattr("staytrue.pipeline.train_stage", lambda run, train, *_: given.append(train) or True)
    pipeline.run(decoupled(), tmp_path, "cpu", until="train")
    assert [train.select.suffix for train in given] == ["without zwx noise"]


FIELDS = {
    "suffix": {"suffix": "in the rain"},
    "prompts": {"prompts": ("a red {}",)},
    "seeds": {"seeds": (1,)},
    "sampling": {"sampling": Sampling(steps=3)},
}


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_pictures_changes_the_scores(tmp_path, folder, clip, field):
    plain = choice(trained(tmp_path / "a", folder, steps=4, select=select_with(clip)))
    other = choice(trained(tmp_path / "b", folder, steps=4, select=select_with(clip, **FIELDS[field])))
    assert plain[0] != other[0]


def test_the_encoder_changes_the_scores(tmp_path, folder, clip):
    """And the fields of the rule are those tested by hand above: together, all there are."""
    other = tiny_clip(tmp_path / "clip")
    file = other / "model.safetensors"
    save_file(
        {name: t * 1.3 if t.is_floating_point() else t for name, t in load_file(file).items()}, file, {"format": "pt"}
    )
    plain = choice(trained(tmp_path / "a", folder, steps=4, select=select_with(clip)))
    assert plain[0] != choice(trained(tmp_path / "b", folder, steps=4, select=select_with(str(other))))[0]
    tested = {*FIELDS, "checkpoint", "rule", "margin", "patience", "every"}
    assert set(Select.__dataclass_fields__) == tested


def test_scores_do_not_depend_on_what_was_encoded_before(clip):
    facts = Facts("sd", "tiny", 16, (4, 4, 4), "epsilon")
    loaded = own_clip(clip, facts).load()
    pictures = [
        Judged(Image.new("RGB", (16, 16), color), "a dog", (Image.new("RGB", (16, 16), "red"),))
        for color in ("red", "blue")
    ]
    identity, alignment = selecting.means(loaded, pictures)
    assert not loaded.memory._rows
    alone = [selecting.means(loaded, [picture]) for picture in pictures]
    assert alone[0][0] == pytest.approx(1.0, abs=1e-5)  # the photo itself
    assert identity == pytest.approx(sum(a[0] for a in alone) / 2, abs=1e-5)
    assert alignment == pytest.approx(sum(a[1] for a in alone) / 2, abs=1e-5)


def test_it_is_a_section_that_may_be_absent():
    """Named on the command line by any of its fields; off as null."""
    values = {"train": {"select": None}}
    assert parse(values).train.select is None
    assert parse(overridden(values, ["train.select={}"])).train.select == Select()
    changed = parse(overridden(values, ["train.select.margin=0.1", "train.select.patience=null"])).train.select
    assert changed == Select(margin=0.1, patience=None)
    assert parse(overridden(values, ["train.select.margin=0.1", "train.select=null"])).train.select is None
    with pytest.raises(ConfigError, match=r"train\.select\.patience"):
        parse(overridden(values, ["train.select.patience=0"]))
