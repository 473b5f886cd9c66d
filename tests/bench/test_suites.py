"""Suite files: every one in ``benchmarks/suites`` is whole, says what it asks and costs, and resolves."""

import fnmatch
import re
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from staytrue.backbones import SD
from staytrue.bench.costs import cpu_minutes
from staytrue.bench.minibench import Asked, plan, suites, tabled
from staytrue.bench.plan import Task, run_config, tasks
from staytrue.bench.prompts import suite_prompts
from staytrue.bench.protected import protect_of
from staytrue.bench.results import read_results
from staytrue.bench.suites import file_name, read_suite, require_chosen, variants
from staytrue.checks import unknown_words
from staytrue.config import overridden, parse
from staytrue.errors import ConfigError
from staytrue.recipes import recipe
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import read_json, write_json

HOME = Path(__file__).parents[2] / "benchmarks" / "suites"
FILES = sorted(p for p in HOME.glob("*.toml") if p.name != "minibench-two.toml")
ARMS = '[[arms]]\nlabel = "a"\nrecipe = "dreambooth"\n'


def test_there_is_one_file_for_each_experiment():
    numbers = {p.name.split("-")[0] for p in FILES}
    assert numbers == {
        *map(str, range(25)),
        "redteam.toml",
        "redteam",
    }  # 1 answers the second question of its issue, too


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_suite_resolves_and_states_its_cost(path, monkeypatch):
    """The stated minutes are within a third of what the sizes of its runs come to."""
    monkeypatch.setattr("staytrue.bench.minibench.require_chosen", lambda suite: None)
    suite = read_suite(path)
    assert suite.asks.endswith((".", "?", ")"))
    planned = plan(suite, Asked())
    assert planned.settings
    assert suite.x in (None, "seconds", *suite.grid)
    assert suite.cpu_minutes == pytest.approx(cpu_minutes([planned]), rel=0.33)
    if path.stem not in ("8-main", "8-lora", "17-objectives", "19-share"):
        assert all(m.split == "tuning" for m in planned.members)


def test_an_arm_is_a_choice_among_another_s_points_only_where_there_is_one(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(f'{ARMS}of = "b"\n')
    with pytest.raises(ConfigError, match="of: no arm is called b"):
        read_suite(file)


def test_another_identifier_is_what_the_run_learns_and_asks_for(tmp_path):
    file, other = tmp_path / "s.toml", ARMS.replace('"a"', '"b"')
    file.write_text(f'subjects = "can"\n{ARMS}identifier = "<new1>"\n{other}')
    planned = plan(read_suite(file), Asked())
    one, own = planned.settings
    assert one.learned != own.learned
    configs = [run_config(Task(planned.members[0], 0, tmp_path, (s,)), s) for s in (one, own)]
    assert [c.subjects[0].identifier for c in configs] == ["<new1>", planned.members[0].subject.identifier]
    assert configs[0].generate.prompts == configs[1].generate.prompts


def test_the_main_suites_are_on_reporting_subjects_with_two_seeds():
    suites = [read_suite(HOME / f"{name}.toml") for name in ("8-main", "8-lora")]
    for suite in suites:
        assert (suite.name, suite.subjects, suite.bench["seeds"]) == ("minibench", "reporting", [0, 1])
    assert [a.label for suite in suites for a in suite.arms] == [
        "real photos",
        "dreambooth",
        "data-perspective",
        "half without a place",
        "staytrue",
        "dreambooth-lora",
        "data-perspective-lora",
    ]


def test_arms_of_the_factorial_differ_in_its_three_factors_alone():
    planned = plan(read_suite(HOME / "12-factorial.toml"), Asked())
    configs = [one.config for one in planned.settings if one.config.train.steps == 100]
    assert len(configs) == 8
    factors = {(c.regularize.name, "semantics" in c.train.objectives, "anchor" in c.train.objectives) for c in configs}
    assert len(factors) == 8
    off = {"objectives": {}, "class_rows": 0, "token_learning_rate": None}
    alike = {repr((c.caption, c.purify, c.generate, replace(c.train, **off))) for c in configs}
    assert len(alike) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_arm_that_trains_a_token_row_alone_spends_its_steps_on_class_rows(path, monkeypatch):
    """Class captions do not hold the token, so their rows give it no gradient, and take their share of each step."""
    monkeypatch.setattr("staytrue.bench.minibench.require_chosen", lambda suite: None)
    configs = [one.config for one in plan(read_suite(path), Asked()).settings]
    alone = [c for c in configs if c.train.adapter.name == "textual_inversion"]
    assert {(c.train.class_rows, c.regularize.name) for c in alone} <= {(0, "none")}
    assert alone or path.stem not in ("16-adapters", "10-search-token", "17-objectives")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_miniature_knows_every_word_of_a_suite(path, monkeypatch):
    """A token row would start from pieces of an unknown word."""
    monkeypatch.setattr("staytrue.bench.minibench.require_chosen", lambda suite: None)
    for one in plan(read_suite(path), Asked()).settings:
        config = one.config.model_copy(update={"subjects": (bundled_subject("can"),)})
        assert unknown_words(config) == [], one.variant.label


def test_a_part_of_the_trainings_compares_all_arms_on_fewer_subjects(tmp_path):
    file = tmp_path / "s.toml"
    other = '[[arms]]\nlabel = "b"\nrecipe = "data-perspective"\n'
    file.write_text(f'subjects = "can,cat2"\n{ARMS}{other}[bench]\nseeds = [0, 1]\n')
    planned = plan(read_suite(file), Asked(out=tmp_path / "results"))
    todo = tasks(planned.settings, planned.members, {planned.settings[0].file: {("can", 1)}})
    assert [task.title for task in todo] == [
        *("can, seed 0: a", "can, seed 0: b", "cat2, seed 0: a", "cat2, seed 0: b"),
        *("can, seed 1: b", "cat2, seed 1: a", "cat2, seed 1: b"),
    ]


# 8-lora shares the folder of the main table, and has none of the results there
WITH_RESULTS = [p.stem for p in FILES if (HOME.parent / "results" / read_suite(p).name).is_dir() and p.stem != "8-lora"]


@pytest.mark.parametrize("name", WITH_RESULTS)
def test_committed_results_are_what_their_suite_would_make_today(name):
    """A setting that a later change gives another key would be trained again, beside numbers that say something else."""
    suite = read_suite(HOME / f"{name}.toml")
    home = HOME.parent / "results" / suite.name
    made = [one for one in plan(suite, Asked()).settings if (home / one.file.name).is_file()]
    assert made
    assert [one.variant.label for one in made if read_results(home / one.file.name).header["key"] != one.key] == []
    assert not suite.redteam or read_json(home.parent / f"{name}.json")["left_out"] == []


@pytest.mark.parametrize(
    ("later", "off", "on"),
    [
        ("train.background_dropout", "0", "0.5"),
        ("regularize.placeless", "0", "0.5"),
        ("regularize.against_adjectives", "true", "false"),
        ("train.objectives.style.objective.share", "1", "0.5"),
    ],
)
def test_a_later_setting_counts_where_it_is_on(tmp_path, later, off, on):
    file = tmp_path / "s.toml"
    term = '"train.objectives.style.objective.name=semantic_delta"'
    arms = [("a", f"[{term}]"), ("b", f'[{term}, "{later}={off}"]'), ("c", f'[{term}, "{later}={on}"]')]
    head = '[[arms]]\nrecipe = "data-perspective"\n'
    file.write_text("".join(f'{head}label = "{label}"\nset = {told}\n' for label, told in arms))
    unsaid, said, other = plan(read_suite(file), Asked(out=tmp_path)).settings
    assert unsaid.key == said.key != other.key


def test_how_pictures_are_drawn_is_learned_from_where_checkpoints_are_chosen_by_it(tmp_path):
    file = tmp_path / "s.toml"
    selects, ends = '"train.select={}"', '"generate.suffix=without zwx noise"'
    told = ("", ends, selects, f"{selects}, {ends}")
    head = '[[arms]]\nrecipe = "dreambooth"\n'
    file.write_text("".join(f'{head}label = "{n}"\nset = [{one}]\n' for n, one in enumerate(told)))
    plain, ended, selected, both = plan(read_suite(file), Asked(out=tmp_path)).settings
    assert plain.learned == ended.learned
    assert len({one.learned for one in (plain, selected, both)}) == 3


def test_a_false_alarm_changes_no_arm_and_a_defense_that_is_asked_for_is_another_training(tmp_path):
    file = tmp_path / "s.toml"
    head = '[[arms]]\nrecipe = "staytrue"\n'
    asked = "inspect.defense=['purify.name=jpeg']"
    file.write_text(f'{head}label = "a"\n{head}label = "b"\nset = ["{asked}"]\n')
    plain, defended = plan(read_suite(file), Asked(out=tmp_path)).settings
    assert plain.config.inspect.defense == ()
    assert defended.config.inspect.defense == ("purify.name=jpeg",)
    assert plain.key != defended.key
    assert plain.learned != defended.learned


def test_a_grid_is_every_combination(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(f'set = ["seed=1"]\n{ARMS}set = ["seed=2"]\n[grid]\n"train.steps" = [1, 2]\nphotos = [1, 4]\n')
    found = variants(read_suite(file), ("seed=3",))
    assert [v.label for v in found] == [
        "a steps=1 photos=1",
        "a steps=1 photos=4",
        "a steps=2 photos=1",
        "a steps=2 photos=4",
    ]
    assert found[1].arm.photos == 4
    assert found[1].assignments == ("seed=1", "seed=2", "train.steps=1", "seed=3")


def test_a_suite_starts_from_what_a_search_chose(tmp_path):
    file, chosen = tmp_path / "s.toml", tmp_path / "search" / "chosen.json"
    chooses = '[[arms]]\nlabel = "a, selected"\nrecipe = "dreambooth"\nof = "a"\nset = ["train.steps=9"]\n'
    file.write_text(f'chosen = ["search/chosen.json"]\n{ARMS}{chooses}')
    with pytest.raises(ConfigError, match=r"suites/search\.toml"):
        require_chosen(read_suite(file))
    write_json(chosen, {"a": {"set": ["train.steps=7"]}, "b": {"set": ["train.steps=8"]}})
    require_chosen(read_suite(file))
    own, selected = variants(read_suite(file))
    assert own.assignments == ("train.steps=7",)
    assert selected.assignments == ("train.steps=7", "train.steps=9")  # the later wins


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("arms = 3", "arms"),
        (f"colour = 1\n{ARMS}", "colour"),
        (f"{ARMS}[bench]\nsteps = 3", "bench.steps"),
        (f"{ARMS}{ARMS}", "two variants are called a"),
        ("arms = [", "not valid TOML"),
    ],
)
def test_mistakes_are_named(tmp_path, text, says):
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_suite(file)


def test_the_command_line_goes_over_the_suite():
    asked = Asked(recipes=("dreambooth",), bench={"images_per_prompt": 2}, assignments=("train.steps=7",))
    planned = plan(suites(asked)[0], asked)
    [one] = planned.settings
    assert one.config.train.steps == 7
    assert one.bench.images_per_prompt == 2
    assert one.file == Path("benchmarks/results/minibench/dreambooth_train.steps=7.json")
    assert {m.split for m in planned.members} == {"tuning"}


def test_recipes_choose_a_suite_s_arms_and_a_label_none():
    def arms(name, *recipes, **bench):
        asked = Asked(recipes=recipes or None, bench={"suite": str(HOME / f"{name}.toml"), **bench})
        return [arm.label for arm in suites(asked)[0].compared]

    assert arms("8-main", "staytrue") == ["staytrue"]
    assert arms("8-main", "dreambooth", "staytrue") == ["dreambooth", "staytrue"]
    assert arms("redteam", "dreambooth") == arms("redteam")
    with pytest.raises(ConfigError, match=r"--recipe: minibench has no arm of dco; it has data-.*, dreambooth, real-"):
        arms("8-main", "dreambooth", "dco")
    with pytest.raises(ConfigError, match=r"bench\.label: results of a suite are called as its arms are"):
        arms("8-main", label="mine")


def test_lists_without_the_one_that_tables_are_of_are_refused():
    """All that was drawn of them would be a blank table. The red team has one of its own."""
    asked = Asked(bench={"lists": ["rephrased"]})
    with pytest.raises(ConfigError, match=r'bench\.lists: tables are of "prompts"; name it, too'):
        plan(suites(asked)[0], asked)
    [one, *_] = plan(read_suite(HOME / "redteam.toml"), Asked()).settings
    assert one.bench.lists == ("portraits",)


def test_quick_is_four_subjects_few_prompts_and_files_of_its_own():
    asked = Asked(recipes=("data-perspective",), quick=True)
    planned = plan(suites(asked)[0], asked)
    [one] = planned.settings
    assert len(planned.members) == 4
    assert len(suite_prompts(planned.members[0].subject, one.bench.lists, one.bench.prompts)) == 8
    assert (one.config.regularize.count, one.config.train.steps) == (100, 200)
    assert one.out == Path("runs/minibench-quick/results/minibench")


def test_a_value_on_the_command_line_is_the_one_point_of_its_key_in_a_grid():
    """Else every point would be run with it, and be called what it is not."""
    planned = plan(read_suite(HOME / "0-search.toml"), Asked(assignments=("train.steps=400", "train.batch=2")))
    assert len(planned.settings) == 6
    assert {one.steps for one in planned.settings} == {400}
    assert all("steps=400" in one.variant.label for one in planned.settings)
    other = plan(read_suite(HOME / "0-search.toml"), Asked(assignments=("train.steps=300", "train.learning_rate=1e-3")))
    assert [one.variant.label for one in other.settings] == [
        "dreambooth steps=300 learning_rate=0.001",
        "data-perspective steps=300 learning_rate=0.001",
    ]


@pytest.mark.parametrize(
    "told", ["train.steps=400", "train.steps =400", "train={steps=400}"], ids=["plain", "blank", "section"]
)
def test_no_point_of_a_grid_is_called_what_it_is_not(told):
    asked = Asked(assignments=(told,), bench={"suite": str(HOME / "0-search.toml")})
    if "{" in told:
        with pytest.raises(ConfigError, match=r"varies train\.steps"):
            plan(read_suite(HOME / "0-search.toml"), asked)
        return
    labels = [one.variant.label for one in plan(read_suite(HOME / "0-search.toml"), asked).settings]
    assert len(labels) == 6
    assert all("steps=400" in label for label in labels)
    [(_, tabled_suite)] = tabled(asked)
    assert [v.label for v in variants(tabled_suite, (told,))] == labels


def test_a_quick_look_runs_each_point_of_a_grid_once_and_calls_it_what_it_is():
    def points(name, *assignments):
        planned = plan(read_suite(HOME / f"{name}.toml"), Asked(quick=True, assignments=assignments))
        return [(one.variant.label, one.variant.at, one.config) for one in planned.settings]

    steps = [(label, at["train.steps"], c.train.steps) for label, at, c in points("1-sets-along-steps")]
    assert steps[:2] == [("no set steps=100", 100, 100), ("no set steps=200", 200, 200)]
    assert len(steps) == 4 * 2
    photos = [(label, at, c.regularize.count) for label, at, c in points("6-photos-and-set-size")]
    assert photos == [
        (f"data-perspective count=100 photos={n}", {"regularize.count": 100, "photos": n}, 100) for n in (1, 2, 4)
    ]
    told = points("6-photos-and-set-size", "train.steps=300")  # what the command line says is no quick look's to change
    assert {(c.train.steps, c.regularize.count) for _, _, c in told} == {(300, 100)}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_two_points_of_a_quick_look_are_the_same(path, monkeypatch):
    monkeypatch.setattr("staytrue.bench.minibench.require_chosen", lambda suite: None)
    keys = [one.key for one in plan(read_suite(path), Asked(quick=True)).settings]
    assert len(set(keys)) == len(keys)


def test_many_assignments_still_make_a_file_name():
    """What most file systems take is 255 bytes; labels of the command line hold every assignment."""
    short, long = "dreambooth train.steps=4", f"dreambooth {'train.steps=4 ' * 40}"
    assert file_name(short) == "dreambooth_train.steps=4"
    assert len(file_name(long)) == 150
    assert file_name(long) != file_name(long + "x") != file_name(long + "y")


def test_the_gpu_runs_the_red_team_by_its_own_verb(monkeypatch):
    said = []
    monkeypatch.setattr("subprocess.run", lambda words, **_: said.append(words[4:6]) or SimpleNamespace(returncode=0))
    for part, verb in (("redteam", "redteam"), ("objectives", "minibench")):
        monkeypatch.setattr("sys.argv", ["gpu.py", "1", "2", part])
        with pytest.raises(SystemExit):
            runpy.run_path(str(HOME.parent / "gpu.py"), run_name="__main__")
        assert said[0][0] == verb
        assert ("plot" in {words[0] for words in said}) == (part != "redteam")
        said.clear()


def test_a_mistyped_part_of_the_gpu_s_experiments_is_an_error_that_names_them(monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("nothing is to be run"))
    monkeypatch.setattr("sys.argv", ["gpu.py", "1", "2", "objective"])
    with pytest.raises(
        SystemExit, match="objective is no part of the experiments; there are: data, objectives, redteam"
    ):
        runpy.run_path(str(HOME.parent / "gpu.py"), run_name="__main__")


@pytest.mark.parametrize("name", ["redteam", "redteam-others"])
def test_the_red_team_cleans_as_the_recipe_does_and_the_adaptive_attack_expects_that(name):
    told, ours = read_suite(HOME / f"{name}.toml").redteam, recipe("shortcut-defense", SD()).purify
    base = {"subjects": [bundled_subject("can").model_dump(mode="json")]}
    assert parse(overridden(base, told.purify)).purify == ours
    [adaptive] = [p for p in (protect_of(one.set) for one in told.protections) if p.method.name == "adaptive"]
    assert adaptive.method.purifier == ours


def test_the_docs_have_a_line_for_every_suite_and_no_other():
    """A family may share one (`10-search-*`); pairs and the red team have parts of the page to themselves."""
    page = (HOME.parents[1] / "docs" / "bench.md").read_text()
    table = page.partition("| suite | question |\n")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[1:] for name in re.findall("`(.*?)`", row.split("|")[1])]
    stems = {p.stem for p in HOME.glob("*.toml")}
    found = {name: fnmatch.filter(stems, name) for name in named}
    elsewhere = {"minibench-two", *(stem for stem in stems if stem.startswith("redteam"))}
    assert stems - {stem for some in found.values() for stem in some} == elsewhere
    assert all(found.values())


def test_the_gpu_runs_every_experiment():
    """All but the first look at rates, the pairs and the choice of a purifier."""
    file = runpy.run_path(str(HOME.parent / "gpu.py"))
    listed = {name for parts in file["ROUNDS"].values() for names in parts for name in names}
    others = {p.stem for p in HOME.glob("*.toml")} - listed
    assert others == {"0-rates", "minibench-two", "redteam-purifier"}
    assert listed < {p.stem for p in FILES}
    assert all(f"``{name}``" in file["__doc__"] for name in others)
