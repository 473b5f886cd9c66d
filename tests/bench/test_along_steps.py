"""Settings that differ in the number of steps are one training, looked at several times."""

from dataclasses import replace

import pytest
from filelock import FileLock

from staytrue.bench import measure
from staytrue.bench.minibench import minibench, plan, suites
from staytrue.bench.plan import tasks
from staytrue.bench.results import read_results
from staytrue.errors import StaytrueError
from staytrue.runs import RunFolder, read_json, write_json
from staytrue.train.curve import Bar
from tests.bench.small import asked, tiny_models

SUITE = """
name = "s"
asks = "Nothing."
subjects = "cat2"
arms = [{ label = "one", recipe = "dreambooth" }]

[grid]
"train.steps" = STEPS
"train.learning_rate" = [1e-3]
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def taken(monkeypatch):
    """The number of every update that was made."""
    numbers = []
    monkeypatch.setattr(Bar, "step", lambda self, state, losses: numbers.append(state.step))
    return numbers


def told(models, home, steps):
    home.mkdir(exist_ok=True)
    (home / "s.toml").write_text(SUITE.replace("STEPS", str(steps)))
    plain = asked(models, home, subjects=None, bench={"suite": str(home / "s.toml"), "prompts": 1})
    assignments = tuple(a for a in plain.assignments if not a.startswith("train.steps"))
    return replace(plain, assignments=assignments)


def scores(file):
    [record] = read_results(file).records
    return {name: record[name] for name in ("images", "class_leakage", "drift")}


def test_a_longer_training_goes_on_from_a_shorter_one_and_scores_as_if_it_were_alone(models, tmp_path, taken):
    shorter, longer = minibench(told(models, tmp_path / "along", [3, 1]), device="cpu")[::-1]
    assert taken == [1, 2, 3]
    [alone] = minibench(told(models, tmp_path / "alone", [3]), device="cpu")
    assert taken[3:] == [1, 2, 3]
    assert read_results(longer).header["config"]["train"]["steps"] == 3
    assert scores(longer) == scores(alone)
    assert scores(longer) != scores(shorter)


def test_what_was_scored_before_an_interruption_is_neither_redone_nor_lost(models, tmp_path, taken, monkeypatch):
    suite = told(models, tmp_path, [1, 3])
    real, scored, score = Bar.step, [], measure.judged
    monkeypatch.setattr(measure, "judged", lambda *given: scored.append(0) or score(*given))

    def dies(self, state, losses):
        real(self, state, losses)
        if state.step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Bar, "step", dies)
        with pytest.raises((KeyboardInterrupt, StaytrueError)):
            minibench(suite, device="cpu")
    assert taken == [1, 2]
    assert len(list((tmp_path / "runs").glob("*/record-*.json"))) == len(scored) == 1
    files = minibench(suite, device="cpu")
    assert taken[2:] == [2, 3]  # from the state after step 1
    assert len(scored) == 2
    assert [len(read_results(f).records) for f in files] == [1, 1]
    assert not list((tmp_path / "runs").glob("*/record-*.json"))


@pytest.fixture
def begun(models, tmp_path, taken, monkeypatch):
    """A suite whose one training died in its second step, and the training's folder, with a checkpoint of the first."""
    suite = told(models, tmp_path, [3])
    suite = replace(suite, assignments=(*suite.assignments, "train.checkpoint_every=1 step"))

    def dies(self, state, losses):
        if state.step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Bar, "step", dies)
        with pytest.raises((KeyboardInterrupt, StaytrueError)):
            minibench(suite, device="cpu")
    [folder] = (tmp_path / "runs").glob("cat2-*")
    assert list((folder / "4-training" / "checkpoints").glob("step-*"))
    return suite, folder


def starts_over(begun, taken, said):
    """Whether the suite trains from the first step to its end, and the log says why."""
    suite, folder = begun
    [file] = minibench(suite, device="cpu")
    over = said in (folder / "log.txt").read_text()
    return len(read_results(file).records) == 1 and over and taken == [1, 2, 3]


def test_what_this_version_began_goes_on(begun, taken):
    """Else those below would start over anyhow."""
    assert not starts_over(begun, taken, "starting over")
    assert taken == [2, 3]


def test_a_checkpoint_that_another_version_wrote_starts_over(begun, taken, monkeypatch):
    """Nobody would come to delete it."""
    monkeypatch.setattr("staytrue.train.stage._whatever_its_length", lambda learned: "another version's")
    assert starts_over(begun, taken, "starting over")


def test_settings_that_another_version_wrote_start_over(begun, taken):
    file = RunFolder(begun[1]).config
    settings = read_json(file)
    settings["config"]["generate"]["words"] = None
    write_json(file, settings)
    assert starts_over(begun, taken, "generate.words: no such setting")


def test_photos_that_lie_elsewhere_by_now_start_over(begun, taken):
    """Another environment or checkout: the same photos, which the name of the folder vouches for."""
    file = RunFolder(begun[1]).config
    settings = read_json(file)
    settings["config"]["subjects"][0]["photos"] = "an/older/environment/cat2/train"
    write_json(file, settings)
    assert starts_over(begun, taken, "starting over")


def test_what_another_process_is_training_stays(begun):
    suite, folder = begun
    left = sorted((folder / "4-training" / "checkpoints").iterdir())
    with FileLock(RunFolder(folder).lock), pytest.raises(StaytrueError, match="another process is at work"):
        minibench(suite, device="cpu")
    assert sorted((folder / "4-training" / "checkpoints").iterdir()) == left


def test_selecting_trainings_are_apart(models, tmp_path):
    suite = told(models, tmp_path, [1, 3])

    def folders(*more):
        planned = plan(suites(suite)[0], replace(suite, assignments=(*suite.assignments, *more)))
        return [[s.steps for s in task.settings] for task in tasks(planned.settings, planned.members, {})]

    assert folders() == [[1, 3]]
    assert folders("train.select={}") == [[1], [3]]
