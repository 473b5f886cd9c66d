"""How the inspection's limits are made: the calibration of ``benchmarks/experiments/inspection.py``, without an attack."""

from argparse import Namespace

import numpy as np
import pytest

from benchmarks.experiments import inspection as calibration
from staytrue.images.load import load_folder
from staytrue.purify.inspection.measures import PERTURBATION
from staytrue.purify.inspection.verdict import Limit, judge, read_limits
from staytrue.recipes.demo import bundled_subject


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes limits to a file of the test's own, and reads them back with how they came about."""
    monkeypatch.setattr(calibration, "LIMITS", tmp_path / "limits.json")

    def write(limits, **result):
        calibration.LIMITS.write_text("{}")
        told = {
            "calibrated_on": ["aspl"],
            "attacked": None,
            "commit": "c0ffee",
            "negatives": {"tuning": 30, "reporting": 60},
        }
        calibration.write_limits(limits, told | {"false_alarms": {"clean": 0.0}, "auc": {}} | result)
        said = calibration.json.loads(calibration.LIMITS.read_text())["miniature"]["calibration"]
        return read_limits(calibration.LIMITS, True), said

    return write


def test_limits_that_can_call_nothing_suspect_say_so(written):
    assert "no photo is called suspect" in written({"noise_level": Limit(0.4, 3.5)})[1]
    assert "no photo is called suspect" not in written({"mismatch": Limit(0.1, 0.5)})[1]


def rows(count: int, seed: int = 0, **shift: float):
    """Measures drawn anyhow: each of its own size, cosines near 0.3."""
    rng = np.random.default_rng(seed)
    sizes = {name: 10.0 ** (place - 3) for place, name in enumerate(PERTURBATION)} | {"class_cosine": 0.01}
    made = [{n: float(1 + sizes[n] * abs(rng.normal())) + shift.get(n, 0) for n in PERTURBATION} for _ in range(count)]
    return [row | {"class_cosine": 1.3 - row["class_cosine"]} for row in made]


@pytest.mark.parametrize("count", [30, 90, 150])
@pytest.mark.parametrize(
    "positives",
    [{}, {"one": rows(20, 1, mismatch=9.0), "other": rows(20, 2, class_cosine=0.2)}],
    ids=["negatives", "both"],
)
def test_limits_flag_at_most_the_share_that_they_promise(count, positives, written):
    """As written and read again, too: no digit that is left out turns the most extreme photo into a false alarm."""
    negatives = rows(count)
    limits, _ = written(calibration.fitted(negatives, positives))
    assert limits.keys() == ({"mismatch", "class_cosine"} if positives else set(PERTURBATION))
    flagged = [judge(row, limits, "dog") for row in negatives]
    assert np.mean([verdict.word == "suspect" for verdict in flagged]) <= calibration.FALSE_ALARMS
    assert np.mean([verdict.suspicion >= 1 for verdict in flagged]) <= calibration.FALSE_ALARMS
    assert max(verdict.suspicion for verdict in flagged) > 0.9  # and no wider than they must be


def test_limits_that_flag_too_many_are_no_limits(monkeypatch):
    monkeypatch.setattr(calibration, "QUANTILES", (0.5,))
    with pytest.raises(ValueError, match=r"flag .* of 30 negatives, above 2%"):
        calibration.fitted(rows(30), {})


def test_limits_say_how_few_subjects_were_attacked(written):
    assert "at most 3 subjects of each split attacked" in written({}, attacked=3)[1]
    assert calibration.json.loads(calibration.LIMITS.read_text())["miniature"]["attacked"] == 3
    assert "attacked" not in written({}, attacked=None)[1]


@pytest.mark.parametrize("levels", [4, 11])
def test_the_noise_among_the_negatives_is_the_red_teams(levels, monkeypatch, tmp_path):
    """Each value moves by the whole radius that is asked for, up or down, and each photo has a pattern of its own."""
    monkeypatch.setattr(calibration, "RUNS", tmp_path)
    subject = bundled_subject("can")
    clean = [photo.image for photo in load_folder(subject.photos)]
    noisy = calibration.made(calibration.maker("random noise", levels / 255), subject, clean)
    moved = [np.asarray(b).astype(int) - np.asarray(a) for a, b in zip(clean, noisy, strict=True)]
    inside = [(np.asarray(a) >= levels) & (np.asarray(a) <= 255 - levels) for a in clean]
    assert all((np.abs(m)[i] == levels).all() for m, i in zip(moved, inside, strict=True))
    assert 0.4 < (moved[0] > 0).mean() < 0.6
    assert np.mean(np.sign(moved[0]) == np.sign(moved[1])) < 0.6


def test_rows_are_kept_for_what_they_depend_on(monkeypatch):
    subject = bundled_subject("can")
    photos = load_folder(subject.photos)

    def key(kind="aspl", radius=11 / 255, of=photos):
        return calibration.row_key(calibration.maker(kind, radius), subject, of, ["weights"])

    kinds = [*calibration.NEGATIVES, "aspl"]
    assert len({key(kind) for kind in kinds}) == len(kinds)
    assert key() != key(radius=8 / 255)
    assert key("clean") == key("clean", radius=8 / 255)
    assert key() != key(of=photos[:-1])
    before = key()
    monkeypatch.setattr(calibration, "MEASURES", calibration.MEASURES + 1)
    assert key() != before


def test_few_may_be_attacked_while_all_stay_negatives_and_nothing_is_measured_twice(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(calibration, "measured", lambda subject, *_: [{"of": subject.name}])
    monkeypatch.setattr(calibration, "made", lambda by, subject, _: asked.append((subject.name, by)))
    options = Namespace(subjects=3, attacked=1, radius=11 / 255, kept=tmp_path / "rows.jsonl")
    found = calibration.collect(["aspl", "advdm"], options)
    counts = {split: {kind: len(some) for kind, some in kinds.items()} for split, kinds in found.items()}
    everybody = dict.fromkeys(calibration.NEGATIVES, 3)
    assert counts == {"tuning": everybody | {"aspl": 1}, "reporting": everybody | {"advdm": 1}}
    done = len(asked)
    options.attacked = 2
    calibration.collect(["aspl", "advdm"], options)
    assert len(asked) == done + 2
