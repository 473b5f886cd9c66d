"""How the inspection's limits are made: the calibration of ``benchmarks/experiments/inspection.py``, without an attack."""

import numpy as np
import pytest

from benchmarks.experiments import inspection as calibration
from staytrue.purify.inspection.measures import PERTURBATION
from staytrue.purify.inspection.verdict import Limit, judge, read_limits


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes limits to a file of the test's own, and reads them back with how they came about."""
    monkeypatch.setattr(calibration, "LIMITS", tmp_path / "limits.json")

    def write(limits, **result):
        calibration.LIMITS.write_text("{}")
        told = {"calibrated_on": ["aspl"], "commit": "c0ffee", "negatives": {"tuning": 30, "reporting": 60}}
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
@pytest.mark.parametrize("positives", [None, rows(20, 1, mismatch=9.0, class_cosine=0.2)], ids=["negatives", "both"])
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
        calibration.fitted(rows(30), None)
