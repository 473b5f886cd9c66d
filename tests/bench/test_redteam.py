"""The red team's benchmark end to end on a tiny random-weight model, its grid, its summary and its tables."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from staytrue.backbones import SD
from staytrue.bench.arms import CLEAN, FULL, UNDEFENDED, RedTeam
from staytrue.bench.minibench import Asked, plan, suites
from staytrue.bench.plan import protection, run_config, tasks
from staytrue.bench.redteam import COMBINATIONS, redteam, redteam_summary, summary_file, write_redteam
from staytrue.bench.redteam_tables import redteam_markdown
from staytrue.bench.results import STAGES, Results, read_results
from staytrue.bench.suites import Suite, file_name, read_suite
from staytrue.bench.tables import make_tables
from staytrue.errors import ConfigError, MissingExtraError
from staytrue.images.load import load_folder
from staytrue.purify import Tools, cleaner
from staytrue.runs import read_json, write_json
from tests.bench.small import asked, tiny_models

FILE = Path(__file__).parents[2] / "benchmarks" / "suites" / "redteam.toml"
SUITE = """
name = "redteam"
asks = "Nothing."
subjects = "cat2"
set = ["inspect.action=off", "inspect.depth=pixels"]
[bench]
lists = ["portraits"]
images_per_prompt = 1
beside = false
[redteam]
purify = ["purify.name=jpeg"]
decouple = ["train.subject_suffix=with zwx noise", "generate.suffix=without zwx noise"]
sample = ["generate.sampling.guidance=2.0", "generate.sampling.negative=noisy"]
protections = [
    {{ label = "advdm", set = ["protect.method=advdm", "protect.method.pgd.steps=1", {more}] }},
]
purifiers = [{{ label = "gaussian", set = ["purify.name=gaussian"], against = ["advdm"] }}]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Everything of the grid but the ablation, on one subject."""
    home = tmp_path_factory.mktemp("redteam")
    models = tiny_models(home / "models")
    more = f'"protect.clip={models["clip"]}", "protect.judge={models["vit"]}"'
    (home / "r.toml").write_text(SUITE.format(more=more))
    out = home / "results" / "redteam"
    told = asked(models, home, subjects=None, out=out, bench={"suite": str(home / "r.toml"), "images_per_prompt": 1})
    return told, redteam(told, device="cpu"), out


def plan_of(told):
    return plan(suites(told)[0], told)


def test_every_cell_is_there_with_its_scores(ran):
    _, files, out = ran
    cells = {(r.header["protection"], r.header["defense"]): r.records for r in map(read_results, out.glob("*.json"))}
    wanted = {(p, d) for p in (CLEAN, "advdm") for d in (UNDEFENDED, "sample", FULL)}
    assert cells.keys() == wanted | {("advdm", "gaussian"), ("advdm", "gaussian + sample")}
    assert files[-1] == summary_file(out)
    for (protected, defense), [record] in cells.items():
        more = record["redteam"]
        assert len(more["quality"]) == len(more["identity_thresholded"]) == len(record["images"]) == 2
        assert all(0 <= q <= 1 for q in more["quality"])
        assert len(more["to_clean"]) == len(load_folder(plan_of(ran[0]).members[0].subject.photos))
        assert (max(more["to_clean"]) == 0) == (protected == CLEAN and defense in (UNDEFENDED, "sample"))
        assert ("inspection" in more) == (defense == UNDEFENDED)
        assert record["class_leakage"] == record["drift"] == []
        assert (more["cleaning_s_per_photo"] > 0) == (defense not in (UNDEFENDED, "sample"))


def test_photos_are_protected_once_for_every_protection_subject_and_seed(ran):
    told, _, _ = ran
    planned = plan_of(told)
    todo = tasks(planned.settings, planned.members, {})
    made = {m.label: m.folder for t in todo if (m := protection(t, t.settings[0]))}
    home = planned.settings[0].bench.runs / "protected"
    assert {f.name for f in home.iterdir()} == {f.name for f in made.values()}
    assert len(todo) == 2 * 2 + 1  # sampling shares the training; a purifier alone is one more
    twice = [t for t in todo if t.settings[0].variant.arm.protection == "advdm"]
    assert len({protection(t, t.settings[0]).folder for t in twice}) == 1
    other = replace(twice[0], seed=1)
    assert protection(other, other.settings[0]).folder != made["advdm"]
    trained = run_config(twice[0], twice[0].settings[0]).subjects[0]
    assert trained.photos == made["advdm"] / "photos"
    assert twice[0].member.subject.photos != trained.photos  # judged beside the clean photos
    captions, own = ([p.text for p in load_folder(d)] for d in (trained.photos, twice[0].member.subject.photos))
    assert captions == own != [None] * len(own)


def inspections(out):
    """Label -> what the inspection said, and all else of the record."""
    records = {r.label: r.records[0] for r in map(read_results, out.glob("*.json"))}
    said = {label: r["redteam"].pop("inspection", None) for label, r in records.items()}
    return said, records


def test_a_changed_inspection_looks_again_and_trains_nothing(ran, tmp_path, monkeypatch):
    told, _, out = ran
    before, others = inspections(out)
    monkeypatch.setattr("staytrue.bench.measure.measure", lambda *_: pytest.fail("nothing is to be trained"))
    limits = tmp_path / "limits.json"
    about = {"calibrated_on": ["fsmg"], "limits": {"high_frequency": {"typical": 0.0, "limit": 0.001}}}
    limits.write_text(json.dumps({"general": about, "miniature": about}))
    suite = tmp_path / "r.toml"
    old = told.settings.suites[0].read_text()
    suite.write_text(old.replace('"inspect.depth=pixels"', f'"inspect.depth=pixels", "inspect.limits={limits}"'))
    redteam(replace(told, bench={**told.bench, "suite": str(suite)}), device="cpu")
    after, same = inspections(out)
    looked = {f"{p} - {UNDEFENDED}" for p in (CLEAN, "advdm")}
    assert {label for label, said in after.items() if said} == looked
    assert same == others
    for label in looked:
        assert before[label]["suspicion"] == [None] * len(after[label]["suspicion"])
        assert min(after[label]["suspicion"]) > 1
        assert after[label]["calibrated_on"] == ["fsmg"]
    assert "suspicion_jpeg" in after[f"{CLEAN} - {UNDEFENDED}"]
    redteam(told, device="cpu")
    assert inspections(out)[0] == before


def test_the_same_command_runs_nothing_again_and_goes_on_with_what_is_missing(ran, monkeypatch):
    told, _, out = ran
    before = summary_file(out).read_text()
    measured = []

    def fake(task, device):
        measured.append([s.variant.label for s in task.settings])
        raise RuntimeError("stopped here")

    monkeypatch.setattr("staytrue.bench.measure.measure", fake)
    monkeypatch.setattr("staytrue.bench.protected.Protecting.make", lambda *_: pytest.fail("protected already"))
    redteam(told, device="cpu")
    assert measured == []
    assert summary_file(out).read_text() == before
    lost = out / "advdm_-_gaussian.json"
    kept = lost.read_text()
    lost.unlink()
    with pytest.raises(Exception, match="stopped here"):
        redteam(told, device="cpu")
    assert measured == [["advdm - gaussian"]]
    assert not any(r["defense"] == "gaussian" for r in json.loads(summary_file(out).read_text())["scores"])
    lost.write_text(kept)


def test_a_change_of_the_protection_starts_its_cells_afresh_and_no_others(ran):
    told, _, _ = ran
    key = {s.variant.label: (s.key, s.learned) for s in plan_of(told).settings}
    told = replace(told, assignments=(*told.assignments, "protect.radius=3/255"))
    changed = {s.variant.label: (s.key, s.learned) for s in plan_of(told).settings}
    assert {label for label in key if key[label] == changed[label]} == {
        f"clean - {d}" for d in (UNDEFENDED, "sample", FULL)
    }
    assert all(key[label][1] != changed[label][1] for label in key if label.startswith("advdm"))


def test_tables_are_made_from_the_summary_alone(ran, tmp_path):
    told, _, _ = ran
    summary, table = make_tables(told)
    text = table.read_text()
    alone = tmp_path / "redteam"
    (tmp_path / "redteam.json").write_bytes(summary.read_bytes())
    make_tables(replace(told, out=alone))
    assert (alone / "table.md").read_text() == text
    assert "| advdm | gaussian | 1 |" in text
    with pytest.raises(ConfigError, match="bench redteam"):
        make_tables(replace(told, out=tmp_path / "nothing"))


def test_the_grid_has_all_that_it_should():
    suite = read_suite(FILE)
    grid = suite.redteam
    cells = {(a.protection, a.defense) for a in suite.compared}
    protections = {p.label for p in grid.protections}
    assert protections >= {
        "random_noise",
        "fsmg",
        "aspl",
        "easpl",
        "metacloak",
        "advdm",
        "photoguard",
        "glaze",
        "adaptive",
    }
    assert len(COMBINATIONS) == 8
    for p in (CLEAN, *protections):
        assert {(p, UNDEFENDED), (p, "sample"), (p, FULL)} <= cells
    for p in grid.ablation:
        assert {(p, c) for c in COMBINATIONS} <= cells
    for one in grid.purifiers:  # no purifier has a worse sampling than ours
        for p in one.against:
            assert {(p, one.label), (p, f"{one.label} + sample")} <= cells
    told = {p.label: p.set for p in grid.protections}
    assert "protect.radius=16/255" in told["adaptive"]
    assert all("protect.radius=11/255" in t for p, t in told.items() if p != "adaptive")
    assert len(suite.subjects.split(",")) == 6
    assert suite.bench["images_per_prompt"] == 16


def test_the_adaptive_attack_expects_the_purifier_of_the_full_defense():
    from staytrue.bench.plan import told_to_protect
    from staytrue.bench.protected import protect_of

    asked = Asked(bench={"suite": str(FILE)})
    [one] = [s for s in plan(suites(asked)[0], asked).settings if s.variant.label == f"adaptive - {FULL}"]
    assert protect_of(told_to_protect(one.variant)).method.purifier == one.config.purify
    assert one.config.generate.sampling.negative
    assert one.config.train.class_suffix == one.config.generate.suffix


def test_every_purifier_that_needs_no_model_removes_noise_at_the_size_of_the_photos():
    """Sign noise of 11 levels on a photo of MiniBench: of its energy, at least 5 % are gone."""
    asked = Asked(bench={"suite": str(FILE)})
    planned = plan(suites(asked)[0], asked)
    clean = np.asarray(load_folder(planned.members[0].subject.photos)[0].image).astype(int)
    noisy = (clean + np.random.default_rng(0).choice([-11, 11], clean.shape)).clip(0, 255)
    removed = {}
    for name, purifier in {one.config.purify.name: one.config.purify for one in planned.settings}.items():
        try:
            clean_up = cleaner(purifier, Tools())
        except ConfigError:  # it wants the backbone, and these tools have none
            continue
        before, after = (np.asarray(clean_up(Image.fromarray(x.astype(np.uint8)))).astype(int) for x in (clean, noisy))
        removed[name] = 1 - np.square(after - before).sum() / np.square(noisy - clean).sum()
    assert removed.pop("none") == 0
    assert removed.keys() == {"jpeg", "gaussian", "median", "total_variation", "resize"}
    assert min(removed.values()) >= 0.05, removed


def test_words_of_the_defense_are_the_miniatures():
    grid, known = read_suite(FILE).redteam, SD().facts().vocabulary
    texts = [t.partition("=")[2] for t in (*grid.decouple, *grid.sample)]
    assert not {word.strip(",") for text in texts for word in text.split()} - known


def test_quick_is_one_subject_two_protections_and_few_pictures():
    asked = Asked(bench={"suite": str(FILE)}, quick=True)
    planned = plan(suites(asked)[0], asked)
    assert len(planned.members) == 1
    assert {s.variant.arm.protection for s in planned.settings} == {CLEAN, "random_noise", "fsmg"}
    assert {s.bench.images_per_prompt for s in planned.settings} == {2}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ablation": ["asbl"]}, "asbl"),
        ({"purifiers": [{"label": "x", "set": ["purify.name=jpeg"], "against": ["nobody"]}]}, "nobody"),
        ({"purifiers": [{"label": "none", "set": ["purify.name=jpeg"]}]}, "none"),
        ({"protections": [{"label": "clean", "set": ["protect.method=aspl"]}]}, "clean"),
    ],
)
def test_mistakes_of_a_grid_are_named(change, says):
    whole = {"purify": ["a=1"], "decouple": ["b=1"], "sample": ["c=1"]}
    whole |= {"protections": [{"label": "aspl", "set": ["protect.method=aspl"]}]}
    RedTeam.model_validate(whole)
    with pytest.raises(ValueError, match=says):
        RedTeam.model_validate(whole | change)


def cell(protection, defense, scores, **inspection):
    """A result whose runs have identity = quality = the score; one subject each."""
    records = []
    for number, score in enumerate(scores):
        more = {
            "quality": [score, score],
            "identity_thresholded": [score, score],
            "to_clean": [0.1],
            "distance": "1 - SSIM",
            "protecting_s": 3.0,
            "cleaning_s_per_photo": 0.5,
            "quality_calibration": {"clean": 0.2, "degraded": 0.1, "auc": 0.9, "photos": 20},
        }
        if defense == UNDEFENDED:
            more["inspection"] = {"suspicion": [None], "calibrated_on": ["aspl"]} | inspection
        about = {
            "subject": f"s{number}",
            "design": f"s{number}",
            "seed": 0,
            "columns": ["prompt", "number", "identity_heldout"],
        }
        about |= {"images": [[0, 0, score], [0, 1, score]], "seconds": dict.fromkeys(STAGES, 1.0)}
        records.append(about | {"redteam": more})
    told = [] if protection == CLEAN else [f"protect.method={protection}", "protect.radius=11/255"]
    told += ["protect.radius=16/255"] if protection == "adaptive" else []  # as in the suite
    head = {
        "label": f"{protection} - {defense}",
        "protection": protection,
        "defense": defense,
        "protect": told,
        "set": ["purify.name=jpeg"] if defense == "jpeg" else [],
    }
    return Results(head | {"judges": {"clip": {}}, "backbone": {"path": "m"}}, tuple(records))


def small_grid():
    return [
        cell(CLEAN, UNDEFENDED, [0.8, 0.8], suspicion=[0.1, 0.2], suspicion_jpeg=[0.3]),
        cell(CLEAN, FULL, [0.76, 0.8]),
        cell(CLEAN, "sample", [0.9, 0.9]),
        cell("random_noise", UNDEFENDED, [0.78, 0.78], suspicion=[0.4]),
        cell("aspl", UNDEFENDED, [0.4, 0.4], suspicion=[0.0]),
        cell("aspl", "sample", [0.5, 0.5]),
        cell("aspl", FULL, [0.7, 0.74]),
        cell("advdm", UNDEFENDED, [0.3, 0.5], suspicion=[0.35, 2.0]),
        cell("advdm", FULL, [0.8]),
    ]


def test_the_summary_is_in_the_issues_format_and_its_numbers_by_hand():
    """aspl: loss (.8 - .4) / .8 = .5, gap (.72 - .4) / .4 = .8. advdm: only subject s0 has all three: (.8 - .3) / (.8 - .3) = 1."""
    suite = Suite(name="redteam", redteam=read_suite(FILE).redteam, cpu_minutes=610)
    found = json.loads(json.dumps(redteam_summary(small_grid(), suite)))
    assert list(found)[:4] == ["undefended_loss", "gap_closed", "clean_cost", "inspection_auc"]
    assert found["undefended_loss"] == {"random_noise": 0.025, "aspl": 0.5, "advdm": 0.5}
    assert found["gap_closed"] == {"random_noise": None, "aspl": 0.8, "advdm": 1.0}
    assert found["clean_cost"] == pytest.approx(0.025)
    assert found["same_sampling"]["undefended_loss"]["aspl"] == pytest.approx(0.4 / 0.9, abs=1e-5)
    assert found["same_sampling"]["gap_closed"]["aspl"] == pytest.approx(0.22 / 0.4)
    assert found["cpu_minutes"] == 610


def test_an_attack_that_does_not_bite_has_no_gap_and_its_loss_is_said():
    for grid in (
        small_grid(),
        [*small_grid(), cell("random_noise", FULL, [0.8, 0.8])],
    ):  # whether or not it was defended
        found = redteam_summary(grid)
        assert found["gap_closed"]["random_noise"] is None
        assert found["why_none"]["gap_closed.random_noise"] == "the attack costs the undefended run 2.5%, below 30%"


def test_a_gap_that_was_not_run_says_what_is_missing():
    """Of s0, alone defended, easpl costs .1 / .8 = 12.5 %; of both subjects .3 / .8. fsmg was never run undefended."""
    grid = [
        *(one for one in small_grid() if one.label != f"aspl - {FULL}"),
        cell("easpl", UNDEFENDED, [0.7, 0.3]),
        cell("easpl", FULL, [0.8]),
        cell("fsmg", FULL, [0.7, 0.7]),
    ]
    why = redteam_summary(grid)["why_none"]
    assert why["gap_closed.aspl"].startswith("not run with the full defense")
    assert why["gap_closed.easpl"] == "the attack costs the undefended run 12.5%, below 30%"
    assert why["gap_closed.fsmg"].startswith("not run undefended")


def test_a_missing_number_of_the_same_sampling_says_why_too():
    """Drawn alike, fsmg costs (.9 - .8) / .9 = 11.1 %; advdm was never drawn so."""
    grid = [*small_grid(), cell("fsmg", UNDEFENDED, [0.3]), cell("fsmg", "sample", [0.8]), cell("fsmg", FULL, [0.7])]
    found = redteam_summary(grid)
    assert found["same_sampling"]["gap_closed"]["fsmg"] is None
    why = found["why_none"]
    assert why["same_sampling.gap_closed.fsmg"] == "the attack costs the run with `sample` alone 11.1%, below 30%"
    assert why["same_sampling.gap_closed.advdm"].startswith("not run with `sample` alone on")
    assert "gap_closed.fsmg" not in why
    assert {
        f"same_sampling.gap_closed.{p}" for p, gap in found["same_sampling"]["gap_closed"].items() if gap is None
    } == {name for name in why if name.startswith("same_sampling")}


def test_a_cell_of_runs_whose_seconds_are_not_all_known_has_the_mean_of_the_others():
    known, kept = cell(CLEAN, UNDEFENDED, [0.8, 0.8]).records
    kept["seconds"]["images"] = None
    [row] = redteam_summary([replace(cell(CLEAN, UNDEFENDED, []), records=(known, kept))])["scores"]
    assert row["run_s"] == len(STAGES)
    [row] = redteam_summary([replace(cell(CLEAN, UNDEFENDED, []), records=(kept,))])["scores"]
    assert row["run_s"] is None


def test_the_inspection_is_measured_on_protections_it_was_not_made_from():
    """aspl is left out, as its limits know it. advdm's .35 and 2 against .1, .2, .3 (JPEG) and .4: 7 of 8 pairs."""
    found = redteam_summary(small_grid())
    assert found["inspection_auc"] == pytest.approx(7 / 8)
    assert found["inspection"]["by_protection"] == {"advdm": pytest.approx(7 / 8)}
    assert found["inspection"]["calibrated_on"] == ["aspl"]
    assert set(found["inspection"]["false_alarms"]) == {CLEAN, "random_noise", "jpeg 75"}
    blind = redteam_summary([cell(CLEAN, UNDEFENDED, [0.8]), cell("advdm", UNDEFENDED, [0.4])])
    assert blind["inspection_auc"] is None
    assert "no measure" in blind["why_none"]["inspection_auc"]


NOISE = "every attack costs more than random noise of its radius, and than no attack"
ALONE = "decoupling alone is better than every purifier alone"
WHOLE = "the full defense is better than every purifier alone, under every attack"
NEAR = "the full purification leaves photos nearer to clean ones than every purifier alone (distance)"
FAST = "the full purification is faster than IMPRESS (seconds a photo)"


def claimed(grid, suite=None):
    """By claim: the difference, the verdict, and how the table puts it."""
    found = redteam_summary(grid, suite)
    told = {
        row["claim"]: line
        for row in found["claims"]
        for line in redteam_markdown(found).splitlines()
        if row["claim"] in line
    }
    return {
        row["claim"]: (row["ours"], row["agrees"], told[row["claim"]].split(" | ")[-1][:-2]) for row in found["claims"]
    }


def test_claims_and_the_ablation_are_said():
    ablation = [cell("adaptive", c, [0.1 * n] * 2) for n, c in enumerate(COMBINATIONS, start=1)]
    words = cell("adaptive", "decouple as published", [0.9, 0.9])  # cleans no photo, so no purifier
    found = redteam_summary([*small_grid(), *ablation, cell("adaptive", "jpeg", [0.2, 0.2]), words])
    assert found["ablation"] == ["adaptive"]
    claims = {c["claim"]: (c["ours"], c["agrees"]) for c in found["claims"]}
    # purify = .5, decouple = .3, both .7 (.8 with sampling), in the order of the combinations
    assert claims[ALONE] == (pytest.approx(0.1), True)
    assert claims["decoupling alone is better than the full purification alone"] == (pytest.approx(-0.2), False)
    text = redteam_markdown(found)
    assert "| ✓ | – | ✓ | 0.600 |" in text
    assert "| decoupling alone is better than the full purification alone | -0.200 [-0.200, -0.200] | no |" in text
    assert "Without a number" in text


def test_a_claim_about_every_attack_has_no_verdict_before_all_of_the_suite_have_run():
    """The suite has seven attacks at 11/255, where random noise is, and the adaptive one at 16/255; small_grid two of the seven."""
    suite = Suite(name="redteam", redteam=read_suite(FILE).redteam)
    cleaning = [one.label for one in suite.redteam.purifiers if one.set[0].startswith("purify.")]
    attacks = ["fsmg", "photoguard", "glaze", "metacloak", "easpl"]
    few = [one for one in small_grid() if one.label != f"advdm - {UNDEFENDED}"]
    few += [cell("advdm", UNDEFENDED, [0.4, 0.4], suspicion=[0.35])]
    some = [*few, cell("aspl", "decouple", [0.6, 0.6]), cell("aspl", "jpeg", [0.5, 0.5])]
    every = [*some, *(cell(a, UNDEFENDED, [0.5, 0.5]) for a in attacks)]
    every += [with_purifier(cell("aspl", c, [0.5, 0.5])) for c in cleaning if c != "jpeg"]

    def said(grid, suite=suite):
        found = claimed(grid, suite)
        return [found[c][1] for c in (NOISE, ALONE)], [found[c][2] for c in (NOISE, ALONE)]

    assert said(few) == ([None, None], ["no verdict: 2 of 7 attacks run", "not run"])
    assert said(some) == ([None, None], ["no verdict: 2 of 7 attacks run", "no verdict: 1 of 9 purifiers run"])
    assert said(every) == ([True, True], ["yes: 7 of 7 attacks run", "yes: 9 of 9 purifiers run"])
    assert said(some, None) == ([True, True], ["yes: 2 of 2 attacks run", "yes: 1 of 1 purifiers run"])


def test_a_claim_has_no_verdict_without_an_interval_beyond_zero():
    """Of two subjects with differences .3 and .1: .2 +- 12.7 sqrt(2) .1 / sqrt(2) = .2 +- 1.27, in the limit of many draws."""
    claim = "purification adds to decoupling"

    def grid(full, scores=(0.3, 0.5)):
        return [
            cell(CLEAN, UNDEFENDED, [0.8, 0.8]),
            cell("aspl", FULL, full),
            cell("aspl", "decouple + sample", scores),
        ]

    assert claimed(grid([0.6]))[claim] == (pytest.approx(0.3), None, "no verdict: one subject")
    assert claimed(grid([0.6, 0.6]))[claim] == (pytest.approx(0.2), None, "no verdict: its interval holds 0")
    [row] = [row for row in redteam_summary(grid([0.6, 0.6]))["claims"] if row["claim"] == claim]
    assert row["ci95"] == pytest.approx([0.2 - 1.27, 0.2 + 1.27], rel=0.05)
    assert claimed(grid([0.6, 0.8]))[claim][1:] == (True, "yes")
    assert claimed(grid([0.2, 0.4]))[claim][1:] == (False, "no")


def test_subjects_of_one_design_are_no_interval():
    grid = [cell("aspl", FULL, [0.6, 0.8]), cell("aspl", "decouple + sample", [0.3, 0.5])]
    for record in (record for one in grid for record in one.records):
        record["design"] = "the same hand"
    grid.append(cell(CLEAN, UNDEFENDED, []))
    assert (
        claimed([one for one in grid if one.records])["purification adds to decoupling"][2] == "no verdict: one design"
    )


def test_an_attack_that_costs_nothing_does_not_cost_more_for_beating_noise_that_does_good():
    """Random noise gains .03, metacloak .01: against the noise it costs .02, against clean photos nothing."""
    grid = [
        cell(CLEAN, UNDEFENDED, [0.8, 0.8], suspicion=[0.1], suspicion_jpeg=[0.1]),
        cell("random_noise", UNDEFENDED, [0.83, 0.83]),
        cell("metacloak", UNDEFENDED, [0.81, 0.81]),
    ]
    assert claimed(grid)[NOISE] == (pytest.approx(-0.01), False, "no: 1 of 1 attacks run")
    assert claimed(grid[1:])[NOISE][1:] == (None, "not run")


def test_the_full_defense_is_held_against_every_purifier_under_every_attack():
    """Drawn as the full defense is, too. The suite asks for nine purifiers and eight attacks, and tries them against one."""
    suite = Suite(name="redteam", redteam=read_suite(FILE).redteam)
    pair = [cell("aspl", "jpeg", [0.5, 0.54]), cell("aspl", "jpeg + sample", [0.6, 0.64])]
    assert claimed([*small_grid(), pair[0]])[WHOLE][1:] == (None, "not run")
    assert claimed([*small_grid(), *pair])[WHOLE] == (pytest.approx(0.1), None, "no verdict: 1 of 2 pairs run")
    assert claimed([*small_grid(), *pair], suite)[WHOLE][2] == "no verdict: 1 of 72 pairs run"
    alone = [one for one in small_grid() if not one.label.startswith("advdm")]
    assert claimed([*alone, *pair])[WHOLE] == (pytest.approx(0.1), True, "yes: 1 of 1 pairs run")


def test_the_purification_is_held_against_others_by_distance_and_by_seconds():
    cells = [
        cleaned("aspl", "purify", 0.1, 0.5),
        with_purifier(cleaned("aspl", "jpeg", 0.12, 0.1)),
        with_purifier(cleaned("aspl", "impress", 0.4, 6.0), "impress"),
    ]
    found = claimed([*small_grid(), *cells])
    assert found[NEAR] == (pytest.approx(0.02), True, "yes: 2 of 2 purifiers run")
    assert found[FAST] == (pytest.approx(5.5), True, "yes")
    nothing = claimed(small_grid())
    assert nothing[NEAR][::2] == nothing[FAST][::2] == (None, "not run")


def cleaned(protection, defense, to_clean, seconds):
    result = cell(protection, defense, [0.5, 0.5])
    for record in result.records:
        record["redteam"] |= {"to_clean": [to_clean], "cleaning_s_per_photo": seconds}
    return result


def with_purifier(result, name="x"):
    return replace(result, header=result.header | {"set": [f"purify.name={name}"]})


def test_an_attack_is_held_against_random_noise_of_its_own_radius_or_none():
    """At 16/255 adaptive costs nothing (.8) where noise of 11/255 costs .02, and looks clean: neither tells anything."""
    adaptive = cell("adaptive", UNDEFENDED, [0.7, 0.9], suspicion=[0.0])
    found, alone = redteam_summary([*small_grid(), adaptive]), redteam_summary(small_grid())
    ours = {c["claim"]: c["ours"] for c in found["claims"]}
    assert ours[NOISE] == {c["claim"]: c["ours"] for c in alone["claims"]}[NOISE] == pytest.approx(0.38)
    assert found["inspection_auc"] == alone["inspection_auc"]
    assert found["inspection"]["other_radius"] == ["adaptive"]
    assert "no random noise has their radius: adaptive." in redteam_markdown(found)


def test_a_cell_made_under_other_settings_is_left_out_and_named(tmp_path):
    """The full defense of aspl is from another radius: no gap is told of it, by the benchmark and by the tables alike."""
    suite = Suite(name="redteam", redteam=read_suite(FILE).redteam)
    out, grid = tmp_path / "redteam", small_grid()
    for one in grid:
        key = "stale" if one.label == f"aspl - {FULL}" else "now"
        head = {**one.header, "key": key}
        write_json(out / f"{file_name(one.label)}.json", head | {"runs": one.records})
    keys = {one.label: "now" for one in grid}
    for told in (keys, None):  # the tables know no plan, and go by the summary that is there
        found = read_json(write_redteam(out, suite, ["s0", "s1"], told))
        assert found["left_out"] == [f"aspl - {FULL}"]
        assert found["gap_closed"] == {"random_noise": None, "aspl": None, "advdm": 1.0}
        assert "not run" in found["why_none"]["gap_closed.aspl"]
        assert f"other settings: aspl - {FULL}." in redteam_markdown(found)
    with pytest.raises(ConfigError, match="9 files were made under other settings"):
        write_redteam(out, suite, ["s0", "s1"], dict.fromkeys(keys, "later"))


def test_the_readme_says_of_poisoned_photos_what_the_files_of_results_say():
    results = FILE.parents[1] / "results"
    readme = (FILE.parents[2] / "README.md").read_text()
    said = " ".join(readme.partition("**Poisoned photos**")[2].partition("\n## ")[0].split())
    here, strong, others = (read_json(results / f"{n}.json") for n in ("redteam", "redteam-strong", "redteam-others"))
    lost = {p: 100 * share for p, share in here["undefended_loss"].items() if p != "random_noise"}
    assert len(lost) == 8
    assert f"PhotoGuard takes {lost.pop('photoguard'):.1f} % of its score" in said
    assert f"the adaptive attack {lost.pop('adaptive'):.1f} %, AdvDM {lost.pop('advdm'):.1f} %" in said
    assert f"the others at most {max(lost.values()):.1f} %" in said
    average = {(r["protection"], r["defense"]): f"{r['average']:.3f}" for r in here["scores"]}
    full = [average[p, FULL] for p in here["undefended_loss"] if p != "random_noise"]
    assert f"{min(full)} to {max(full)} (clean photos {average['clean', 'none']})" in said
    median, all_three = average["aspl", "median"], average["aspl", FULL]
    assert f"a median filter alone ({median}) does about what all three do ({all_three})" in said
    names = {"advdm": "AdvDM", "aspl": "ASPL", "fsmg": "FSMG", "adaptive": "the adaptive attack"}
    won = [f"{100 * others['gap_closed'][p]:.0f} % under {name}" for p, name in names.items()]
    assert f"{', '.join(won[:-1])} and {won[-1]}" in said
    costs = [100 * others["undefended_loss"][p] for p in names]
    assert f"four attacks cost {min(costs):.0f} to {max(costs):.0f} %" in said
    assert f"clean photos lose {100 * others['clean_cost']:.1f} % by it" in said
    photoguard = {r["defense"]: f"{r['average']:.3f}" for r in others["scores"] if r["protection"] == "photoguard"}
    assert f"PhotoGuard ({photoguard['none']} before, {photoguard[FULL]} after)" in said
    assert f"the AUC is {strong['inspection_auc']:.3f}" in said
    assert strong["inspection"]["false_alarms"]["random_noise"] == 3 / 5
    found = read_json(results / "inspection.json")["auc"]
    assert f"and {found['metacloak']:.3f}, below the 0.95" in said
    assert [round(found[p], 2) for p in ("fsmg", "easpl", "advdm", "glaze")] == [1.0, 1.0, 1.0, 0.98]


def test_a_suite_without_protections_is_no_red_team(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text('[[arms]]\nlabel = "a"\nrecipe = "dreambooth"\n')
    with pytest.raises(ConfigError, match="no protections"):
        redteam(Asked(bench={"suite": str(file)}))


def test_without_the_restorer_nothing_is_inspected_or_trained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    monkeypatch.setattr("staytrue.bench.redteam.look_again", lambda *_: pytest.fail("looked without a restorer"))
    with pytest.raises(MissingExtraError, match=r"staytrue\[restore\]"):
        redteam(Asked(subjects="can", quick=True, out=tmp_path), device="cpu")
