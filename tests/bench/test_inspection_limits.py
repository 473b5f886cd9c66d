"""How the inspection's limits are made: the calibration of ``benchmarks/experiments/inspection.py``, without an attack."""

import pytest

from benchmarks.experiments import inspection as calibration
from staytrue.purify.inspection.verdict import Limit, read_limits


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
