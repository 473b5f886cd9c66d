"""What the report says of the photos, from a run that was really inspected and cleaned."""

from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from staytrue.evaluate.photos_html import cleaning, inspection
from staytrue.evaluate.report import write_report
from staytrue.purify import Tools
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.inspection import Inspect
from staytrue.purify.inspection.measures import PERTURBATION
from staytrue.purify.inspection.verdict import read_limits
from staytrue.purify.stage import purify_stage
from staytrue.runs import RunFolder, write_json
from staytrue.types import Facts, Subject
from tests.purify.test_inspection import noisy_run  # noqa: F401


class Config(BaseModel):
    subjects: tuple[Subject, ...]

    @property
    def backbone(self):
        return SimpleNamespace(facts=lambda: Facts("sd", "tiny", 32, (4, 8, 8), "epsilon"))


def test_a_run_without_either_has_neither(tmp_path):
    assert inspection(RunFolder(tmp_path)) is None
    assert cleaning(RunFolder(tmp_path)) is None


def test_verdicts_reasons_rights_and_what_was_kept_are_shown(noisy_run):  # noqa: F811
    run, subject, settings = noisy_run
    purify_stage(run, Gaussian(sigma_px=9), [subject], Tools(), Inspect(**settings), rights=True)
    found, done = inspection(run), cleaning(run)
    assert [row["word"] for row in found["rows"]] == ["fine", "suspect"]
    assert found["flagged"] == 1
    assert all(len(row["values"]) == len(found["columns"]) for row in found["rows"])
    decided = [[c for c, (_, yes) in zip(found["columns"], row["values"], strict=True) if yes] for row in found["rows"]]
    assert decided == [[], ["fine detail /255"]]
    assert done["rows"][1]["detail"].endswith("%")
    html = write_report(run, Config(subjects=(subject,))).read_text()
    for words in (
        "1 of 2 flagged",
        "suspect",
        "more fine detail",
        "What cleaning changed",
        done["distance_name"],
        "Stated at",
    ):
        assert words in html
    assert "http" not in html


def test_every_measure_that_calls_photos_of_the_miniature_suspect_has_a_column_and_is_bold_where_it_did(tmp_path):
    deciding = [name for name in PERTURBATION if name in read_limits(None, True)]
    assert "latent_aim" in deciding
    run = RunFolder(tmp_path / "run")
    rows = [
        {
            "file": f"{name}.png",
            "word": "suspect",
            "reasons": [],
            "flagged": [name],
            "measures": dict.fromkeys(deciding, 2.5),
        }
        for name in deciding
    ]
    write_json(run.inspection, {"skipped": [], "photos": rows})
    found = inspection(run)
    assert len(found["columns"]) == len(deciding)
    assert [row["values"].count(("2.5", True)) for row in found["rows"]] == [1] * len(deciding)
    html = write_report(run, Config(subjects=())).read_text()
    assert html.count("<td><b>2.5</b></td>") == len(deciding)
    assert "Suspect” photos look protected; “poor” ones are noisy" in html


@pytest.mark.parametrize("action", ["proceed", "off"])
def test_a_run_that_cleans_nothing_says_so_by_silence(noisy_run, action):  # noqa: F811
    from staytrue.purify.none import NoPurifier

    run, subject, settings = noisy_run
    purify_stage(run, NoPurifier(), [subject], Tools(), Inspect(action=action, **settings))
    html = write_report(run, Config(subjects=(subject,))).read_text()
    assert "What cleaning changed" not in html
    assert ("What the photos were like" in html) == (action == "proceed")
