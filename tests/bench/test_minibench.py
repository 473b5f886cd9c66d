"""The benchmark end to end on a tiny random-weight model: once, then from what it left."""

from dataclasses import replace

import pytest

from staytrue.bench.judge import COLUMNS
from staytrue.bench.measure import _base, measure, seen
from staytrue.bench.minibench import in_turns, minibench, plan, suites
from staytrue.bench.plan import beside, bundle, run_config, tasks
from staytrue.bench.prompts import Asked as Prompt
from staytrue.bench.results import log_reporting, read_results, so_far
from staytrue.runs import read_jsonl, write_jsonl
from staytrue.types import Facts
from tests.bench.small import asked, assignments, tiny_models

SUITE = """
name = "s"
asks = "Nothing."
subjects = "cat2"
arms = [
    { label = "one", recipe = "dreambooth" },
    { label = "same training", recipe = "dreambooth", set = ["generate.sampling.guidance=2.0"] },
    { label = "real photos", recipe = "real-photos" },
]
"""


OTHER = SUITE.replace('"s"', '"other"').replace("guidance=2.0", "guidance=4.0").replace("real photos", "the photos")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def ran(models, tmp_path_factory):
    """A suite of two variants that share a training, and the photos themselves."""
    home = tmp_path_factory.mktemp("bench")
    (home / "s.toml").write_text(SUITE)
    told = asked(models, home, subjects=None, bench={"suite": str(home / "s.toml"), "prompts": 2})
    return told, {file.stem: read_results(file) for file in minibench(told, device="cpu")}, home


def test_every_picture_has_every_score(ran):
    _, found, _ = ran
    assert found.keys() == {"one", "same_training", "real_photos"}
    [run] = found["one"].records
    assert run["columns"] == list(COLUMNS)
    assert [row[:2] for row in run["images"]] == [[0, 0], [0, 1], [1, 0], [1, 1]]
    unknown = COLUMNS.index("identity_asked")  # what was asked for is known to the miniature's own judge alone
    assert all((value is None) == (place == unknown) for row in run["images"] for place, value in enumerate(row))
    assert len(run["class_leakage"]) == 3 * 2
    assert len(run["drift"]) == 8 * 2
    assert run["seconds"]["training"] > 0
    assert run["peak_memory_mb"] > 0
    assert (run["subject"], run["split"], run["seed"]) == ("cat2", "tuning", 0)
    assert all(not any(p["seen"].values()) for p in run["prompts"])  # the class images are "a cat"


def test_the_header_is_enough_to_run_it_again_and_holds_no_place_of_this_machines_photos(ran):
    _, found, home = ran
    head = found["one"].header
    assert head["recipe"] == "dreambooth"
    assert head["config"]["train"]["steps"] == 1
    assert head["config"]["generate"]["sampling"]["steps"] == 1
    assert {"torch", "staytrue"} <= head["versions"].keys()
    assert {len(j["sha256"]) for j in head["judges"].values()} == {64}
    assert "subjects" not in head["config"]
    assert str(home) not in str(found["one"].records)


def test_settings_that_learn_the_same_share_a_training_and_its_weights_are_not_kept(ran):
    _, found, home = ran
    folders = [p for p in (home / "runs").glob("cat2-s0-*") if (p / "5-images").is_dir()]
    assert len(folders) == 1
    assert not (folders[0] / "4-training").exists()
    assert found["one"].records[0]["images"] != found["same_training"].records[0]["images"]


def test_seconds_of_pictures_are_told_only_where_all_of_them_were_drawn_at_once(models, tmp_path):
    """Of the second process one picture is missing: its seconds would be those of eight pictures' one."""
    told = asked(models, tmp_path, bench={"prompts": 1})
    planned = plan(suites(told)[0], told)
    [task] = tasks(planned.settings, planned.members, {})
    [first] = measure(task, "cpu")
    assert first["seconds"]["images"] > 0
    task.record(task.settings[0]).unlink()
    next(task.folder.glob("5-images/*/*/*.png")).unlink()
    [again] = measure(task, "cpu")
    assert again["seconds"]["images"] is None
    assert again["images"] == first["images"]
    assert again["seconds"]["training"] == first["seconds"]["training"]


def test_real_photos_have_no_likeness_to_themselves(ran):
    [run] = ran[1]["real_photos"].records
    assert len(run["images"]) == 5
    place = run["columns"].index("identity_train")
    assert {row[place] for row in run["images"]} == {None}
    assert run["class_leakage"] == run["drift"] == []
    assert all(set(p["seen"]) == {"background"} for p in run["prompts"])


def test_what_is_finished_is_not_run_again(ran, monkeypatch):
    told, found, _ = ran
    monkeypatch.setattr("staytrue.bench.measure.measure", lambda *_: pytest.fail("nothing was missing"))
    again = minibench(told, device="cpu")
    assert {f.stem: read_results(f).records for f in again} == {k: v.records for k, v in found.items()}


def test_suites_that_share_a_training_take_turns_in_its_folder_(ran, tmp_path):
    """Two suites in one command that train alike and draw otherwise: at the same time they would read each other's pictures."""
    told, _, home = ran
    (tmp_path / "other.toml").write_text(OTHER)
    files = [home / "s.toml", tmp_path / "other.toml"]
    both = replace(told, out=None, bench=told.bench | {"suite": list(map(str, files)), "runs": tmp_path / "runs"})
    planned = [plan(suite, both) for suite in suites(both)]
    work = [(one, task) for one in planned for task in tasks(one.settings, one.members, {})]
    turns = in_turns(work)
    assert sorted(task.title for turn in turns for _, task in turn) == sorted(task.title for _, task in work)
    assert [len({task.folder for _, task in turn}) for turn in turns] == [len(turn) for turn in turns] == [2, 2]


def test_what_scores_depend_on_besides_the_settings_is_in_their_key(ran, monkeypatch):
    told, _, _ = ran
    suite = suites(told)[0]
    keys = [one.key for one in plan(suite, told).settings]
    monkeypatch.setattr("staytrue.bench.plan.bundle", lambda backbone: "other words, photos or ideal pictures")
    assert not set(keys) & {one.key for one in plan(suite, told).settings}


@pytest.mark.parametrize("what", ["words", "photo", "caption", "ideal"])
def test_the_bundle_is_the_words_the_photos_and_what_was_asked_for(tmp_path, monkeypatch, what):
    home = tmp_path / "assets" / "minibench"
    (home / "can" / "train").mkdir(parents=True)
    files = {
        "photo": home / "can/train/01.png",
        "caption": home / "can/train/metadata.jsonl",
        "ideal": home / "ideal.safetensors",
    }
    for file in files.values():
        file.write_bytes(b"before")
    monkeypatch.setattr("staytrue.bench.plan.files", lambda package: tmp_path)

    class Named:
        def __init__(self, words):
            self.facts = lambda: Facts("sd", "x", 64, (4, 8, 8), "epsilon", words=words)

    before = bundle.__wrapped__(Named({"colors": ["red"]}))
    assert before == bundle.__wrapped__(Named({"colors": ["red"]}))
    if what in files:
        files[what].write_bytes(b"after")
    assert before != bundle.__wrapped__(Named({"colors": ["blue" if what == "words" else "red"]}))


def test_photos_are_scored_anew_only_where_the_judges_or_the_photos_change(ran, monkeypatch):
    """They are not trained on: neither another default recipe nor other settings of training are a new look."""
    told, _, _ = ran
    suite = suites(told)[0]

    def key(*more):
        return next(
            o.key
            for o in plan(suite, replace(told, assignments=(*told.assignments, *more))).settings
            if "real" in o.variant.label
        )

    assert key() == key("train.steps=2") == key("generate.seed=1")
    monkeypatch.setattr("staytrue.recipes.DEFAULT", "dco")
    assert key() == key("train.steps=2")
    assert key() != key(f"evaluate.metrics.dino.judge={told.assignments[-2].partition('=')[2]}")


def test_other_settings_make_it_another_result(ran):
    """A change of what is trained, drawn or asked starts the file afresh; where runs are kept, and how, does not."""
    told, _, home = ran
    suite = suites(told)[0]

    def kept(**more):
        return len(so_far(plan(suite, replace(told, **more)).settings[0]))

    assert kept() == 1
    assert kept(bench=told.bench | {"keep_models": True, "threads": 1, "runs": str(home / "elsewhere")}) == 1
    assert kept(assignments=(*told.assignments, "generate.sampling.batch=3")) == 1
    for change in ("train.steps=2", "generate.sampling.steps=2", "regularize.count=3", "generate.seed=1"):
        assert kept(assignments=(*told.assignments, change)) == 0, change
    for change in ({"prompts": 1}, {"images_per_prompt": 1}, {"lists": ["prompts", "rephrased"]}):
        assert kept(bench=told.bench | change) == 0, change


def test_seeds_and_subjects_are_trainings_of_their_own(ran):
    told, _, _ = ran
    planned = plan(suites(told)[0], replace(told, subjects="cat2,can", bench=told.bench | {"seeds": [0, 1]}))
    todo = tasks(planned.settings, planned.members, {planned.settings[0].file: {("cat2", 0)}})
    shared = [t for t in todo if len(t.settings) == 2]
    assert len(todo) == 4 * 2  # two subjects, two seeds: a training for two variants, and photos
    assert len(shared) == 3  # one variant of cat2, seed 0, is there
    assert len({t.folder for t in todo}) == len(todo)
    assert all(t.folder.name.startswith(f"{t.member.name}-s{t.seed}-") for t in todo)


def test_looks_at_reporting_subjects_are_counted_once(models, tmp_path):
    def settings(*more, **bench):
        told = asked(models, tmp_path, assignments=(*assignments(models), *more), subjects="reporting", bench=bench)
        return plan(suites(told)[0], told).settings

    assert log_reporting(tmp_path, settings(), "2026-01-01") == 1
    assert log_reporting(tmp_path, settings(), "2026-01-02") == 1  # the same again: it goes on, or changes nothing
    assert log_reporting(tmp_path, settings("train.steps=2"), "2026-01-03") == 2
    renamed = [replace(one, variant=replace(one.variant, label="another name")) for one in settings()]
    assert log_reporting(tmp_path, renamed, "2026-01-04") == 2  # the same scores under another name
    assert (
        log_reporting(tmp_path, settings(seeds=[0, 1]), "2026-01-05") == 3
    )  # the second training is a look of its own
    rows = read_jsonl(tmp_path / "reporting_runs.jsonl")
    said = [(r["number"], r["date"], r["seeds"]) for r in rows]
    assert said == [(1, "2026-01-01", [0]), (2, "2026-01-03", [0]), (3, "2026-01-05", [1])]
    rows[0]["seeds"], rows[2:] = [0, 1], []  # a row of several seeds is as good
    write_jsonl(tmp_path / "reporting_runs.jsonl", rows)
    assert log_reporting(tmp_path, settings(seeds=[0, 1]), "2026-01-06") == 2


def test_looks_are_noted_in_the_repository_wherever_results_go(models, tmp_path, monkeypatch):
    monkeypatch.setattr("staytrue.bench.measure.measure", lambda *_: pytest.fail("stopped here"))
    told = asked(models, tmp_path, subjects="cat")
    assert plan(suites(told)[0], told).members[0].split == "reporting"
    places = {tmp_path / "repository": "repository/benchmarks/results", None: "results"}
    for home, place in places.items():
        monkeypatch.setattr("staytrue.bench.minibench.checkout", lambda home=home: home)
        with pytest.raises(BaseException, match="stopped here"):
            minibench(told, device="cpu")
        assert len(read_jsonl(tmp_path / place / "reporting_runs.jsonl")) == 1
    with pytest.raises(BaseException, match="stopped here"):
        minibench(told, device="cpu", log=tmp_path / "told")
    assert (tmp_path / "told" / "reporting_runs.jsonl").is_file()


def test_a_condition_is_seen_by_its_word():
    conditions = {"accessory": "wearing a crown", "background": "on the beach"}
    prompt = Prompt("x", "prompts", "two", "a {} {accessory} {background}", conditions)
    assert seen(prompt, ["a tall dog on the beach", "a cat"]) == {"accessory": False, "background": True}
    assert seen(prompt, ["a painting of a dog wearing a crown in the snow"]) == {"accessory": True, "background": False}
    assert seen(prompt, []) == {"accessory": False, "background": False}


def test_drift_compares_the_same_words(models, tmp_path, monkeypatch):
    """Where prompts have a suffix, the base model's have it, too: else the suffix alone would count as drift."""
    told = asked(models, tmp_path, assignments=(*assignments(models), 'generate.suffix="without noise"'))
    planned = plan(suites(told)[0], told)
    [task] = tasks(planned.settings, planned.members, {})
    [one] = task.settings
    config, planned_base = run_config(task, one), []
    monkeypatch.setattr("staytrue.bench.measure.draw_missing", lambda job, planned: planned_base.extend(planned))
    monkeypatch.setattr("staytrue.bench.measure._read", lambda file: None)
    texts = beside(one.bench, task.member.subject)
    _base(tmp_path, config, texts, "cpu")
    tuned = config.generate.texts(config.subjects)
    said = {p.caption.render() for p in planned_base}
    assert len(said) == len(texts)
    assert all(text.endswith("without noise") for text in said)
    assert said <= set(tuned)
