"""Two subjects in one picture: the suite, the score's windows, and the runner on a tiny random-weight model."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from staytrue.bench.commands import bench_app
from staytrue.bench.minibench import Asked
from staytrue.bench.pairs import METRICS, minibench_two, settings_of, tasks
from staytrue.bench.results import read_results
from staytrue.bench.settings import Bench
from staytrue.bench.two import COLUMNS, read_two, windows
from staytrue.errors import ConfigError
from staytrue.runs import read_json
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
def ran(small):
    return minibench_two(small, device="cpu")


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
    from PIL import Image

    picture = Image.new("RGB", (64, 64), "red")
    picture.paste("blue", (0, 0, 28, 64))
    left, right = windows(picture, "left"), windows(picture, "right")
    assert len(left) == len(right) == 3
    assert all(w.size == (64, 64) for w in (*left, *right))
    assert left[0].getpixel((5, 30)) == (0, 0, 255)
    assert right[0].getpixel((30, 30)) == (255, 0, 0)


@pytest.mark.parametrize(("wrong", "says"), [(('"dog6"', '"dog9"'), "dog9"), (("recipe =", "recipes ="), "recipes")])
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


def test_two_subjects_are_one_training_or_two(ran, small):
    suite = read_two(small.settings.suites[0])
    fresh = replace(small, out=small.out / "elsewhere")
    together, apart = tasks(suite, suite.chosen("dog6+cat2"), settings_of(suite, fresh))
    assert [len(t.trainings) for t in (together, apart)] == [1, 2]
    assert [s.identifier for _, cast in apart.trainings for s in cast] == ["olis", "zwx"]
    for folder, _ in (*together.trainings, *apart.trainings):
        assert (folder / "2-captions").is_dir()
        assert not (folder / "4-training").exists()  # judged, so its weights are gone


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
