"""The report: what it needs, what it calls its numbers, and which compositions it says were trained on."""

import json

import numpy as np
import pytest

pytest.importorskip("tqdm")
from foundry.models import report
from foundry.models.pictures import Pictures
from foundry.models.zero_shot import seen_together

ASKED = [("red", "dog", "on the beach"), ("blue", "dog", "in the snow"), ("red", "cat", "on the beach")]
# The third picture shows more and says "animal"; the parts of the third question are only in different pictures.
ROWS = [
    {"color": "red", "noun": "cat", "background": None},
    {"color": None, "noun": "cat", "background": "on the beach"},
    {"color": "red", "noun": "dog", "background": "on the beach", "texture": "striped", "hypernym": "animal"},
    {"color": "blue", "noun": "dog", "background": "on the beach"},
]
GOALS_OF_THE_ISSUE = {
    *("noun_accuracy", "color_accuracy", "background_accuracy", "composition_accuracy", "judge_noun_accuracy"),
    *("instance_retrieval", "vae_psnr_db"),
}


def test_a_composition_is_seen_only_where_one_picture_has_all_three():
    assert seen_together(ASKED, ROWS) == [True, False, False]
    assert seen_together(ASKED, ROWS[:2]) == [False, False, False]


def test_unseen_compositions_are_scored_alone_where_there_are_enough():
    """40 asked: 10 seen and right, 30 unseen of which 6 are right."""
    triples = [ASKED[0]] * 10 + [ASKED[1]] * 15 + [ASKED[2]] * 15
    together = [True] * 10 + [True] * 6 + [False] * 24
    expected = {"composition_seen_share": 0.25, "training_pictures": 4, "composition_accuracy_unseen": 0.2}
    assert report.novelty(triples, together, ROWS) == pytest.approx(expected)
    assert "composition_accuracy_unseen" not in report.novelty(triples[:-1], together[:-1], ROWS)


def test_without_the_training_world_nothing_is_said_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "WORLD", tmp_path)
    assert report.training_rows() == []
    assert report.novelty(ASKED, [True] * 3, []) == {}
    (tmp_path / "train").mkdir()
    (tmp_path / "train/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert report.training_rows() == ROWS


def test_composition_scores_count_hits_and_what_is_new(monkeypatch):
    """Three pictures: only the first is right in every part, and it alone was trained on."""
    hits = {"noun": [True, True, False], "color": [True, False, True], "background": [True, True, True]}
    monkeypatch.setattr(report, "composition_hits", lambda *_: hits)
    scores = report.composition_scores(None, None, ASKED, {}, ROWS)
    assert scores == pytest.approx(
        {
            **{"color_accuracy": 2 / 3, "background_accuracy": 1, "composed_noun_accuracy": 2 / 3},
            **{"composition_accuracy": 1 / 3, "composition_seen_share": 1 / 3, "training_pictures": 4},
        }
    )


def test_the_judges_share_of_nouns_has_the_goals_name(monkeypatch):
    """Two pictures, one of them in a style: clear pictures are counted alone."""
    rows = [{"noun": "dog", "style": "painting"}, {"noun": "cat", "style": None}]
    pictures = Pictures(np.zeros((2, 64, 64, 3), np.uint8), rows)
    monkeypatch.setattr(report.Pictures, "open", lambda name: pictures)
    monkeypatch.setattr(report.clip, "measure", lambda judge, shown: {"noun": len(shown), "color": 7})
    found = report.judge_renderings(None)
    assert found == {"judge_noun_accuracy": 2, "judge_color": 7, "judge_noun_clear": 1, "judge_color_clear": 7}


def scored(**changed):
    return dict.fromkeys(report.GOALS, 30.0) | changed


def test_goals_have_the_issues_names_and_a_page_says_what_is_missed():
    assert set(report.GOALS) >= GOALS_OF_THE_ISSUE
    assert "Every goal is reached." in report.page(scored())
    weak = report.page(scored(judge_noun_accuracy=0.7))
    assert "**Not reached:** `judge_noun_accuracy` (0.7 of 0.95)." in weak
    assert "names only 70% of the nouns" in weak


def test_the_page_says_which_compositions_are_new():
    assert "training pictures were not at hand" in report.page(scored())
    some = report.page(scored(composition_seen_share=0.44, training_pictures=100_000, composition_accuracy_unseen=0.61))
    assert "44% have color, noun and background together" in some
    assert "100,000 training pictures" in some
    assert "61% of them are right (`composition_accuracy_unseen`)" in some
    few = report.page(scored(composition_seen_share=0.99, training_pictures=100))
    assert "`composition_accuracy_unseen`" not in few


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A clone on which nothing was made yet; measuring would be an error."""
    monkeypatch.setattr(report, "WORLD", tmp_path / "world")
    monkeypatch.setattr(report, "TOKENIZER", tmp_path / "tokenizer")
    monkeypatch.setattr(report, "SHEETS", tmp_path / "sheets")
    monkeypatch.setattr(report, "measure", lambda count: pytest.fail("measured"))
    monkeypatch.setattr("sys.argv", ["report"])
    return tmp_path


ADOPT, HOLDOUT = (
    "foundry.everything adopt",
    "foundry.world --split holdout --count 4000 --out foundry/build/world/holdout",
)


def test_a_fresh_clone_is_told_what_to_run(bare):
    with pytest.raises(SystemExit) as stopped:
        report.main()
    assert f"python -m {ADOPT}" in str(stopped.value) and f"python -m {HOLDOUT}" in str(stopped.value)
    assert "pip install resvg-py" in str(stopped.value)
    assert not list(bare.iterdir())


@pytest.mark.parametrize("there", [("rows.jsonl",), ("images.npy",)], ids=str)
def test_only_what_is_missing_is_asked_for(bare, there):
    """Someone's own tokenizer and weights are not to be replaced by `adopt` for want of pictures."""
    (bare / "tokenizer").mkdir()
    (bare / "world/holdout").mkdir(parents=True)
    for name in there:
        (bare / "world/holdout" / name).touch()
    with pytest.raises(SystemExit) as stopped:
        report.main()
    assert HOLDOUT in str(stopped.value) and ADOPT not in str(stopped.value)
    for name in ("rows.jsonl", "images.npy"):
        (bare / "world/holdout" / name).touch()
    report.require_what_it_reads()


def test_the_readme_has_every_command_the_report_asks_for():
    text = (report.FOUNDRY / "README.md").read_text()
    assert all(command in text for command in report.MAKE.values())
