"""The noise pool: draws come back in turn, the frozen base answers once for each, and nothing else changes."""

from copy import deepcopy

import pytest
import torch

from staytrue.adapters import Full, Lora
from staytrue.backbones import SD
from staytrue.objectives import SemanticAnchor
from staytrue.train.stage import Job, read_samples, step_maker
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16))).load()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "run")


def maker(run, backbone, **changes):
    job = Job(run, small(**changes), (SUBJECT,), tuple(read_samples(run, [SUBJECT])), SD(), 3, "cpu")
    return step_maker(job, backbone, run.root / "latents.safetensors")


def drawn(make, micros):
    """(sample, x_t, t) of every row in order."""
    return [
        (row, x_t, int(t))
        for micro in micros
        for step in [make(micro)]
        for row, x_t, t in zip(make.batches.rows(micro), step.noised.x_t, step.noised.t, strict=True)
    ]


def test_each_row_has_as_many_draws_as_the_pool_and_they_come_back(run, backbone):
    make = maker(run, backbone, batch=5, class_rows=0, noise_pool=3)
    rows = drawn(make, range(6))
    of_first = [(x_t, t) for row, x_t, t in rows if row == 0]
    assert len(of_first) == 6
    for early, late in zip(of_first[:3], of_first[3:], strict=True):
        assert early[1] == late[1]
        assert torch.equal(early[0], late[0])
    assert len({float(x_t.sum()) for _, x_t, _ in rows}) == 5 * 3


def test_a_draw_does_not_depend_on_its_company(run, backbone):
    alone, together = (maker(run, backbone, batch=n, class_rows=0, noise_pool=2) for n in (1, 5))
    ours = {(row, t): x_t for row, x_t, t in drawn(alone, range(10))}
    theirs = {(row, t): x_t for row, x_t, t in drawn(together, range(2))}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_without_a_pool_every_draw_is_fresh_and_nothing_is_kept(run, backbone):
    make = maker(run, backbone)
    assert make(0).draws == ()
    assert make(0).references is not make(1).references
    assert len({t for _, _, t in drawn(make, range(10))}) > 20


@pytest.mark.parametrize("adapter", [Lora(rank=2), Full(text_encoder=True)], ids=["lora", "full"])
def test_the_reference_is_computed_once_per_draw_and_is_the_same(run, backbone, adapter):
    mine = deepcopy(backbone)
    adapter.attach(mine, keep_base=True)
    make = maker(run, mine, adapter=adapter, batch=5, class_rows=1, noise_pool=2)
    passes, predict = [], type(mine).predict
    mine.predict = lambda noised, condition: passes.append(len(noised)) or predict(mine, noised, condition)
    for micro in range(6):
        step = make(micro)
        losses = SemanticAnchor()(step)
        reference = step.reference(step.indices("subject"), [t.replace("olis ", "") for t in step.texts[:5]])
        with step.frozen():
            afresh = predict(mine, step.noised, step.encode_text([t.replace("olis ", "") for t in step.texts]))[:5]
        torch.testing.assert_close(reference, afresh, atol=1e-5, rtol=1e-4)
        assert losses.shape == (5,)
    assert passes.count(1) == 5 * 2  # one frozen pass for each draw, alone
    assert passes.count(6) == 6  # and the shared pass of each step
    assert len(make(0).references) == 10


def test_frozen_texts_are_encoded_once_where_the_text_encoder_trains(run, backbone):
    mine, adapter = deepcopy(backbone), Full(text_encoder=True)
    adapter.attach(mine, keep_base=True)
    predictor = maker(run, mine, adapter=adapter).predictor
    with predictor.frozen():
        first = predictor.encode_text(["a dog"])
    with torch.no_grad():
        mine.text_encoder.get_input_embeddings().weight.mul_(torch.linspace(0, 3, 32))
    encode, asked = type(mine).encode_text, []
    mine.encode_text = lambda texts: asked.append(texts) or encode(mine, texts)
    with predictor.frozen():
        assert torch.equal(predictor.encode_text(["a dog"]), first)
    assert not asked
    assert not torch.allclose(predictor.encode_text(["a dog"]), first, atol=1e-3)
    assert asked == [["a dog"]]
