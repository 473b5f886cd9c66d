"""What the report says of the photos, from a run that was really inspected and cleaned."""

from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from staytrue.evaluate.photos_html import SHOWN, cleaning, inspection
from staytrue.evaluate.report import write_report
from staytrue.purify import Tools
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.inspection import Inspect
from staytrue.purify.inspection.measures import PERTURBATION, SAYS
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
    assert decided == [[], [("fine detail /255", "below 3")]]
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
            "subject": "can",
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


def photo(subject="rex", file="photos/1.png", flagged=(), **measures):
    about = {"subject": subject, "file": file, "word": "poor" if flagged else "fine", "reasons": []}
    return about | {"flagged": list(flagged), "measures": measures}


def test_what_decides_for_real_photos_has_a_column_and_what_does_not_stands_apart(tmp_path):
    """Every measure of the limits that ship, with what is ordinary; another only where it decided all the same."""
    run, limits = RunFolder(tmp_path / "run"), {n: vars(one) for n, one in read_limits(None, False).items()}
    measures = dict.fromkeys(limits, 2.0) | {"mismatch": 0.3, "high_frequency": 4.0, "shorter_side_px": 1080.0}
    rows = [photo(flagged=["blockiness", "high_frequency"], **measures)]
    write_json(run.inspection, {"skipped": [], "limits": limits, "photos": rows})
    found = inspection(run)
    ordinary = dict(found["columns"])
    assert len(ordinary) == len(limits) + 1
    assert (ordinary["blocks of JPEG"], ordinary["shorter side, px"]) == ("below 1.6", "above 384")
    assert ordinary["fine detail /255"] == ""
    assert found["rows"][0]["values"].count(("2", True)) == 1 and ("1080", False) in found["rows"][0]["values"]
    assert (found["others"], found["rows"][0]["others"]) == (["seen as noise"], ["0.3"])
    html = write_report(run, Config(subjects=())).read_text()
    assert html.index("blocks of JPEG") < html.index("which decide nothing here") < html.index("seen as noise")


def test_every_measure_has_a_name_on_the_page():
    assert set(SHOWN) == set(SAYS)


def test_photos_of_several_subjects_are_named_with_theirs(tmp_path):
    run = RunFolder(tmp_path / "run")
    write_json(run.inspection, {"skipped": [], "photos": [photo("rex"), photo("ben")]})
    numbers = dict.fromkeys(("noise_before", "noise_after", "detail_kept", "identity_kept", "distance", "seconds"), 0.5)
    done = [numbers | {"subject": name, "file": "01.png", "mismatch_before": None} for name in ("rex", "ben")]
    for row in done:
        row["mismatch_after"] = None
    write_json(run.cleaning, {"photos": done, "means": {"distance_name": "1 - SSIM"}})
    assert [row["file"] for row in inspection(run)["rows"]] == ["rex: 1.png", "ben: 1.png"]
    assert [row["file"] for row in cleaning(run)["rows"]] == ["rex: 01.png", "ben: 01.png"]


@pytest.mark.parametrize("action", ["proceed", "off"])
def test_a_run_that_cleans_nothing_says_so_by_silence(noisy_run, action):  # noqa: F811
    from staytrue.purify.none import NoPurifier

    run, subject, settings = noisy_run
    purify_stage(run, NoPurifier(), [subject], Tools(), Inspect(action=action, **settings))
    html = write_report(run, Config(subjects=(subject,))).read_text()
    assert "What cleaning changed" not in html
    assert ("What the photos were like" in html) == (action == "proceed")
