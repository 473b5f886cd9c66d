"""Contrastive decoupling: the noise has a name on the subject's captions and is denied on class images'."""

import pytest
import torch

from staytrue.backbones import SD
from staytrue.train.stage import Job, read_samples, step_maker
from tests.tiny import tiny_sd
from tests.train.runs import SUBJECT, make_run, small

WITH, WITHOUT = "with zwx noisy pattern", "without zwx noisy pattern"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return SD(path=str(tiny_sd(tmp_path_factory.mktemp("sd") / "tiny", size=16))).load()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "run", adjectives=())


def texts(run, backbone, **changes):
    job = Job(run, small(**changes), (SUBJECT,), tuple(read_samples(run, [SUBJECT])), SD(), 3, "cpu")
    step = step_maker(job, backbone, run.root / "latents.safetensors")(0)
    torch.testing.assert_close(step.condition, backbone.encode_text(step.texts), atol=1e-5, rtol=1e-4)
    return dict(zip(step.roles, step.texts, strict=True))


@pytest.mark.parametrize(
    ("changes", "subject", "others"),
    [
        ({}, "a photo of a olis dog", "a photo of a dog"),
        ({"subject_suffix": WITH}, f"a photo of a olis dog {WITH}", "a photo of a dog"),
        ({"class_suffix": WITHOUT}, "a photo of a olis dog", f"a photo of a dog {WITHOUT}"),
        ({"subject_suffix": ", zwx noisy"}, "a photo of a olis dog, zwx noisy", "a photo of a dog"),
    ],
)
def test_each_is_a_setting_of_its_own(run, backbone, changes, subject, others):
    assert texts(run, backbone, **changes) == {"subject": subject, "class": others}


def test_words_that_training_adds_are_checked_against_a_vocabulary():
    from staytrue.objectives import SemanticLadder
    from staytrue.train.config import Weighted

    ladder = {"ladder": Weighted(objective=SemanticLadder(others=("car",)))}
    said = small(subject_suffix=WITH, class_suffix=WITHOUT, objectives=ladder).texts([SUBJECT])
    assert said == [WITH, WITHOUT, "dog", "animal", "car"]
    noisy = small(subject_suffix=WITHOUT, noisy={"suffix": WITH})
    assert noisy.texts([SUBJECT]) == [WITHOUT, "", WITH]
    off = {"ladder": Weighted(weight=0, objective=SemanticLadder())}
    assert small(objectives=off).texts([SUBJECT]) == ["", ""]
