"""Every objective at once, in whole trainings: full and LoRA, over an accumulation window, with two subjects; and resumed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.errors import ConfigError
from staytrue.objectives import (
    OBJECTIVES,
    ClassSemantics,
    Denoising,
    DirectConsistency,
    OutputPreservation,
    SemanticAnchor,
    SemanticDelta,
    SemanticLadder,
    WeightAnchor,
)
from staytrue.runs import read_json, read_jsonl, write_jsonl
from staytrue.train.config import Weighted
from staytrue.train.stage import train_stage
from staytrue.types import Sample, Subject
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small

CAT = Subject(name="tom", photos=Path("home/tom"), class_noun="cat", identifier="sks")
ALL = {
    "class": Weighted(objective=Denoising(rows="class", weighting="min_snr")),
    "subject": Weighted(objective=Denoising()),
    "anchor_a": Weighted(weight=0.5, objective=SemanticAnchor(weighting="noise")),
    "anchor_b": Weighted(weight=0.5, objective=SemanticAnchor(reading="B")),
    "anchor_c": Weighted(weight=0.5, objective=SemanticAnchor(reading="C")),
    "delta": Weighted(weight=0.5, objective=SemanticDelta()),
    "ladder": Weighted(weight=0.1, objective=SemanticLadder(others=("backpack", "robot"))),
    "weights": Weighted(weight=0.1, objective=WeightAnchor()),
    "consistency": Weighted(weight=0.01, objective=DirectConsistency(beta=100.0)),
    "output": Weighted(objective=OutputPreservation()),
    "semantics": Weighted(objective=ClassSemantics()),
    "released": Weighted(weight=0.5, objective=ClassSemantics(pooling="released")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16)


def two_subjects(root):
    """Two of the photos and two of the class images are another subject's."""
    run = make_run(root)
    for file, other in ((run.captions / "captions.jsonl", "sks"), (run.regularization / "samples.jsonl", "")):
        rows = read_jsonl(file, Sample)
        for number in (1, 3):
            caption = {"noun": "cat", "style": "a photo of", "identifier": other}
            rows[number] = Sample(rows[number].image, type(rows[number].caption)(**caption), "tom", rows[number].role)
        if not other:
            rows = [replace(row, caption=replace(row.caption, style="a painting of")) for row in rows]
        write_jsonl(file, rows)
    return run


@pytest.mark.parametrize(
    "adapter",
    [Full(text_encoder=True, token=True), Lora(rank=2, text_encoder=True)],
    ids=["full+text+token", "lora+text"],
)
def test_all_of_them_train_two_subjects_over_a_window(tmp_path, folder, adapter):
    assert {term.objective.name for term in ALL.values()} == set(OBJECTIVES.names())
    run = two_subjects(tmp_path)
    settings = small(adapter=adapter, objectives=ALL, steps=2, accumulation=2, learning_rate=1e-3, noise_pool=2)
    train_stage(run, settings, [SUBJECT, CAT], SD(path=str(folder)), 3)
    [row] = read_jsonl(run.training / "curve.jsonl")
    assert set(ALL) <= set(row)
    assert row["weights"] > 0  # 0 at the first update, then it has moved
    assert row["delta"] > 0
    memory = read_json(run.training / "manifest.json")["memory_bytes"]
    assert ("frozen reference" in memory) == (adapter.name == "full")


def test_a_phrase_that_nothing_can_move_is_an_error_before_weights_load(tmp_path, monkeypatch):
    monkeypatch.setattr(SD, "load", lambda *_: pytest.fail("loaded"))
    run, terms = make_run(tmp_path), {"semantics": Weighted(objective=ClassSemantics())}
    for adapter in (Full(), Lora(rank=2)):
        with pytest.raises(ConfigError, match=r"train\.objectives\.semantics needs something that can move"):
            train_stage(run, small(adapter=adapter, objectives=terms), [SUBJECT], SD(path="absent"), 0)
    terms = {"anchor": Weighted(objective=SemanticAnchor(reading="C"))}
    with pytest.raises(ConfigError, match=r"anchor needs class images"):
        train_stage(run, small(objectives=terms, class_rows=0), [SUBJECT], SD(path="absent"), 0)


@pytest.mark.parametrize(
    ("carried", "dropout"), [("details", 0.0), ("style", 0.0), ("adjectives", 0.0), ("adjectives", 1.0)]
)
def test_words_that_class_images_do_not_have_or_photos_have_too_are_an_error(tmp_path, carried, dropout):
    """Here photos and class images are all "a photo of a red tall dog": nothing would ever be asked."""
    run, terms = make_run(tmp_path), {"delta": Weighted(objective=SemanticDelta(carried=carried))}
    if dropout:  # then nothing is left of the adjectives
        file = run.captions / "captions.jsonl"
        write_jsonl(file, [replace(r, caption=replace(r.caption, adjectives=())) for r in read_jsonl(file, Sample)])
    with pytest.raises(ConfigError, match=r"delta needs class images with"):
        train_stage(run, small(objectives=terms, adjective_dropout=dropout), [SUBJECT], SD(path="absent"), 0)


@pytest.mark.parametrize("adapter", [Full(), Lora(rank=2)], ids=["full", "lora"])
def test_interrupted_with_a_pool_and_a_weight_anchor_is_uninterrupted(tmp_path, folder, adapter):
    """After a resume the weights' beginning is the base's, not the checkpoint's, and references are computed to the same bits."""
    from staytrue.train import stage

    names = ("subject", "anchor_a", "weights")
    settings = small(
        adapter=adapter, objectives={n: ALL[n] for n in names}, steps=4, learning_rate=1e-3, noise_pool=1, batch=3
    )
    whole, broken = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    train_stage(whole, settings, [SUBJECT], SD(path=str(folder)), 3)

    class Stop(Exception):
        pass

    real = stage.Checkpoints.checkpoint

    def stopped(self, state):
        real(self, state)
        if state.step == 2:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.Checkpoints, "checkpoint", stopped)
        with pytest.raises(Stop):
            train_stage(broken, settings, [SUBJECT], SD(path=str(folder)), 3)
    train_stage(broken, settings, [SUBJECT], SD(path=str(folder)), 3)
    for file in whole.model.rglob("*.safetensors"):
        ours, theirs = load_file(file), load_file(broken.root / file.relative_to(whole.root))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), file.name
    curves = [read_jsonl(run.training / "curve.jsonl") for run in (whole, broken)]
    assert curves[0] == curves[1]
