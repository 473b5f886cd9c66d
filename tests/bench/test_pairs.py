"""Two subjects in one picture: the suite, the score's windows, and the runner on a tiny random-weight model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from staytrue.bench import pairs as running
from staytrue.bench.arms import Arm
from staytrue.bench.commands import bench_app
from staytrue.bench.costs import pair_minutes
from staytrue.bench.judge import Judges
from staytrue.bench.minibench import Asked
from staytrue.bench.pairs import METRICS, minibench_two, settings_of, tasks
from staytrue.bench.plan import setting
from staytrue.bench.results import read_results
from staytrue.bench.settings import Bench
from staytrue.bench.subjects import Member
from staytrue.bench.suites import Variant
from staytrue.bench.two import COLUMNS, Pair, joined, judged_pair, read_two, windows
from staytrue.errors import ConfigError
from staytrue.generate.prompts import Prompt
from staytrue.runs import RunFolder, read_json
from staytrue.types import Subject
from tests.bench.small import assignments, tiny_models

FILE = Path(__file__).parents[2] / "benchmarks/suites/minibench-two.toml"
LORA = 'set = ["train.adapter={name=\\"lora\\", rank=2}"]'
ARMS = f"""
arms = [
    {{ label = "together", recipe = "dreambooth", {LORA} }},
    {{ label = "apart", recipe = "dreambooth", apart = true, {LORA} }},
]
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The suite with two quick arms, asked for one pair."""
    home = tmp_path_factory.mktemp("pairs")
    text = FILE.read_text()
    (home / "two.toml").write_text(text[: text.index("arms = [")] + ARMS)
    bench = {"suite": str(home / "two.toml"), "prompts": 2, "images_per_prompt": 2, "runs": home / "runs"}
    told = assignments(tiny_models(home / "models"))
    return Asked(subjects="dog6+cat2", out=home / "results", bench=bench, assignments=told)


@pytest.fixture(scope="module")
def put_on():
    """Which models were put on the base model, arm by arm: the first training's, and the weights of each LoRA beside it."""
    seen, real = [], running.personalize

    def spy(backbone, folder, loras=()):
        seen.append((folder, [source.place() for source in loras], [source.weight for source in loras]))
        real(backbone, folder, loras)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "personalize", spy)
        yield seen


@pytest.fixture(scope="module")
def ran(small, put_on):
    return minibench_two(small, device="cpu")


def told(small, home):
    """The suite, and everything in it, as if nothing were there yet."""
    suite = read_two(small.settings.suites[0])
    return suite, settings_of(suite, replace(small, out=home / "elsewhere"))


def test_the_suite_has_ten_pairs_of_which_four_are_for_tuning():
    suite = read_two(FILE)
    pairs = suite.pairs()
    assert len({p.name for p in pairs}) == 10
    assert [len(suite.chosen(which)) for which in ("tuning", "reporting", "all")] == [4, 6, 10]
    for pair in pairs:
        assert {m.split for m in pair.members} == {pair.split}
    prompts = suite.asked(pairs[0], Bench())
    assert len(prompts) == 8
    assert prompts[1].text == "a olis dog next to a zwx cat on the beach"
    assert prompts[1].plain == "a dog next to a cat on the beach"


def test_windows_are_of_their_half():
    picture = Image.new("RGB", (64, 64), "red")
    picture.paste("blue", (0, 0, 28, 64))
    left, right = windows(picture, "left"), windows(picture, "right")
    assert len(left) == len(right) == 3
    assert all(w.size == (64, 64) for w in (*left, *right))
    assert left[0].getpixel((5, 30)) == (0, 0, 255)
    assert right[0].getpixel((30, 30)) == (255, 0, 0)


class Fake:
    """A judge that knows a picture by the color of its middle."""

    def __init__(self, by_color, by_text=None):
        self.by_color, self.by_text = by_color, by_text

    def images(self, pictures):
        return torch.tensor([self.by_color[p.getpixel((p.width // 2, p.height // 2))] for p in pictures])

    def texts(self, texts):
        return torch.tensor([self.by_text[text] for text in texts])


RED, BLUE, LIME, YELLOW = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 0)


def painted(color, *patches):
    picture = Image.new("RGB", (64, 64), color)
    for patch, box in patches:
        picture.paste(patch, box)
    return picture


def photographed(home, name, *colors):
    """A member whose held-out photos are of these colors."""
    (home / name).mkdir()
    for number, color in enumerate(colors):
        painted(color).save(home / name / f"{number}.png")
    return Member(Subject(name=name, photos=home, class_noun=name, heldout=home / name), "tuning", name)


def test_a_pair_is_judged_as_worked_by_hand(tmp_path):
    """Photos of the first are at (1, 0) and (.6, .8), of the second at (0, 1) and (-.6, .8).

    So red, at (1, 0), is like the first by (1 + .6) / 2 = .8 and like the second by (0 - .6) / 2 = -.3;
    blue, at (0, 1), is like the first by (0 + .8) / 2 = .4 and like the second by (1 + .8) / 2 = .9.
    """
    pair = Pair(photographed(tmp_path, "dog", RED, LIME), photographed(tmp_path, "cat", BLUE, YELLOW), "tuning", "any")
    dino = Fake({RED: [1.0, 0.0], LIME: [0.6, 0.8], BLUE: [0.0, 1.0], YELLOW: [-0.6, 0.8]})
    clip = Fake({RED: [1.0, 0.0], BLUE: [0.8, 0.6]}, {"a dog by a cat": [0.6, 0.8], "a cat": [0.0, 1.0]})
    asked = [Prompt("a olis dog by a zwx cat", "a dog by a cat"), Prompt("a zwx cat", "a cat")]
    beside = painted(BLUE, (RED, (0, 0, 32, 64)))  # red on the left; its middle is blue
    below = painted(BLUE, (RED, (0, 40, 32, 64)))  # red in the lowest window of the left only
    found = judged_pair(Judges(clip, dino), pair, asked, [[beside, painted(RED)], [below, painted(BLUE)]])
    # both_found: min(.8, .9); red has no cat: min(.8, -.3); the lowest window counts: min(.8, .9); blue: min(.4, .9)
    # identity: blue (.4 + .9) / 2, red (.8 - .3) / 2; clip: (.8, .6).(.6, .8), (1, 0).(.6, .8), (.8, .6).(0, 1)
    by_hand = [[0, 0, 0.8, 0.65, 0.96], [0, 1, -0.3, 0.25, 0.6], [1, 0, 0.8, 0.65, 0.6], [1, 1, 0.4, 0.65, 0.6]]
    assert [len(row) for row in found] == [len(COLUMNS)] * 4
    for row, expected in zip(found, by_hand, strict=True):
        assert row == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (('"dog6"', '"dog9"'), "dog9"),
        (("recipe =", "recipes ="), "recipes"),
        (('["dog3", "can"]', '["dog6", "can"]'), "twice: dog6"),
        (('["dog", "cat"]', '["dog", "cat2"]'), "twice: cat2"),  # chosen on, and reported on
        (('["clock", "vase"]', '["clock", "clock"]'), "twice: clock"),
    ],
)
def test_a_file_of_pairs_says_what_is_wrong(tmp_path, wrong, says):
    file = tmp_path / "two.toml"
    file.write_text(FILE.read_text().replace(*wrong))
    with pytest.raises(ConfigError, match=says):
        read_two(file)


def test_unknown_pairs_are_named():
    with pytest.raises(ConfigError, match=r"dog6\+cat2"):
        read_two(FILE).chosen("dog6+can")


def test_every_picture_has_both_subjects_judged_and_the_tables_are_there(ran, small):
    together, apart, summary, table = ran
    assert [f.name for f in (together, apart)] == ["together.json", "apart.json"]
    for file in (together, apart):
        [record] = read_results(file).records
        assert record["columns"] == list(COLUMNS)
        assert [row[:2] for row in record["images"]] == [[0, 0], [0, 1], [1, 0], [1, 1]]
        assert all(value is not None for row in record["images"] for value in row)
        assert record["seconds"]["training"] > 0
        assert record["split"] == "tuning"
    found = read_json(summary)
    assert found["recipes"].keys() == {"together", "apart"}
    assert set(found["paired"]["together-vs-apart"]) == {*METRICS, "subjects", "seeds"}
    assert "both_found" in table.read_text()
    sheets = {p.name for p in (small.settings.runs).rglob("dog6+cat2-*.png")}
    assert sheets == {"dog6+cat2-together.png", "dog6+cat2-apart.png"}


def test_two_subjects_are_one_training_or_two(ran, small, tmp_path):
    suite, settings = told(small, tmp_path)
    together, apart = tasks(suite, suite.chosen("dog6+cat2"), settings)
    assert [len(t.trainings) for t in (together, apart)] == [1, 2]
    assert [s.identifier for _, cast in apart.trainings for s in cast] == ["olis", "zwx"]
    for folder, _ in (*together.trainings, *apart.trainings):
        assert (folder / "2-captions").is_dir()
        assert not (folder / "4-training").exists()  # judged, so its weights are gone


def test_learned_apart_the_second_ones_lora_is_drawn_with_on_the_first_ones_model(ran, small, put_on, tmp_path):
    suite, settings = told(small, tmp_path)
    together, apart = tasks(suite, suite.chosen("dog6+cat2"), settings)
    [both], [first, second] = ([RunFolder(folder).model for folder, _ in t.trainings] for t in (together, apart))
    assert [[s.name for s in cast] for _, cast in apart.trainings] == [["dog6"], ["cat2"]]
    assert put_on == [(both, [], []), (first, [second], [1.0])]


def test_arms_that_learn_the_same_are_refused_by_name(small):
    suite = read_two(small.settings.suites[0])
    together, apart = suite.arms
    drawn_otherwise = together.model_copy(update={"label": "again", "set": (*together.set, "generate.seed=7")})
    twice = suite.model_copy(update={"arms": (together, apart, drawn_otherwise)})
    with pytest.raises(ConfigError, match=r"learn the same.*: together, again$"):
        settings_of(twice, small)
    longer = together.model_copy(update={"label": "longer", "set": (*together.set, "train.learning_rate=0.5")})
    assert len(settings_of(suite.model_copy(update={"arms": (together, apart, longer)}), small)) == 3


def test_every_arm_sees_each_subject_as_often_as_its_recipe_sees_one_alone(tmp_path):
    """Two subjects share the rows of a batch evenly."""
    for arm, one in settings_of(read_two(FILE), Asked(out=tmp_path)):
        train = one.config.train
        own = setting(Variant("alone", Arm(label="alone", recipe=arm.recipe)), Bench(), tmp_path).config.train
        seen = train.steps * train.accumulation * train.batch / (1 if arm.apart else 2)
        assert seen == own.steps * own.accumulation * own.batch, arm.label


def test_the_stated_minutes_are_those_of_its_runs(tmp_path):
    """Within a third, as for every other suite."""
    suite = read_two(FILE)
    every = tasks(suite, suite.chosen("all"), settings_of(suite, Asked(out=tmp_path)))
    assert len(every) == 10 * 5
    assert suite.cpu_minutes == pytest.approx(pair_minutes(every), rel=0.33)


def test_minutes_worked_by_hand(small, tmp_path):
    """Three trainings of 20 s and a step of 2 rows of 0.05 s; a set of 2 for each subject, 2 arms x 2 prompts x 2, at 0.024 s."""
    suite, settings = told(small, tmp_path)
    todo = tasks(suite, suite.chosen("dog6+cat2"), settings)
    learned, sets, drawn = 3 * (20 + 0.1), 2 * 2 * 0.024, 8 * 0.024
    assert 60 * pair_minutes(todo) == pytest.approx(learned + sets + drawn, rel=1e-6)
    assert 60 * pair_minutes(todo[:1]) == pytest.approx(20.1 + sets + drawn / 2, rel=1e-6)
    # the same trainings, drawn from once more
    assert 60 * pair_minutes([*todo, *todo]) == pytest.approx(learned + sets + 2 * drawn, rel=1e-6)


def test_what_is_there_is_not_run_again_and_another_wording_is(ran, small):
    suite = read_two(small.settings.suites[0])
    pairs = suite.chosen("dog6+cat2")
    assert tasks(suite, pairs, settings_of(suite, small)) == []
    reworded = suite.model_copy(update={"prompts": ("{second} beside {first}",)})
    assert len(tasks(reworded, pairs, settings_of(reworded, small))) == 2


def test_the_verb_passes_what_it_is_told(monkeypatch):
    seen = []
    monkeypatch.setattr("staytrue.bench.pairs.minibench_two", lambda *given: seen.append(given) or [Path("done.json")])
    words = ["minibench-two", "bench.seeds=[0, 1]", "train.steps=3", "--subjects", "all", "--jobs", "2", "--quick"]
    done = CliRunner().invoke(bench_app, [*words, "--device", "cpu"])
    assert done.output.strip().endswith("done.json"), done.output
    [(asked, jobs, device)] = seen
    assert (asked.subjects, asked.quick, asked.assignments, jobs, device) == ("all", True, ("train.steps=3",), 2, "cpu")
    assert asked.settings.seeds == (0, 1)


def test_pairs_that_show_one_hand_s_drawing_are_drawn_together():
    assert joined([{"a", "b"}, {"c", "d"}, {"b", "e"}, {"e", "f"}]) == ["a+b+e+f", "c+d", "a+b+e+f", "a+b+e+f"]
