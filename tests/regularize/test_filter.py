"""Pictures that CLIP does not pass are drawn again from the next seed, and counted."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from staytrue.generate.sampling import Sampling
from staytrue.regularize.base import another_seed
from staytrue.regularize.class_prompt import ClassPrompt
from staytrue.regularize.clip_filter import ClipFilter, LoadedFilter, Verdict
from staytrue.regularize.stage import regularize_stage
from staytrue.regularize.structured import Structured
from staytrue.runs import RunFolder, read_json, read_jsonl
from staytrue.types import Facts, Sample
from tests.encoders.tiny_judges import tiny_clip
from tests.regularize.stand_in import Sampler, captioned, drawer, subject

FACTS = Facts("sd", "SD 1.5", 512, (4, 64, 64), "epsilon")


@pytest.fixture
def sampler(monkeypatch) -> Sampler:
    stand_in = Sampler()
    monkeypatch.setattr("os.fsync", lambda _: None)  # hundreds of small files, on disks that may be busy
    monkeypatch.setattr("staytrue.generate.sampling.draw_with_latents", stand_in)
    return stand_in


class Judge:
    """Passes pictures whose red channel is at least ``least``: a known part of what the stand-in sampler hashes."""

    def __init__(self, least: int) -> None:
        self.least, self.nouns = least, set()

    def verdicts(self, images, noun):
        self.nouns.add(noun)
        reds = [image.getpixel((0, 0))[0] for image in images]
        return [Verdict(found=red / 255, good=1.0, passes=red >= self.least) for red in reds]


@pytest.fixture
def judge(monkeypatch) -> Judge:
    found = Judge(least=128)
    monkeypatch.setattr(ClipFilter, "load", lambda self, facts, device: found)
    return found


def reds(run: RunFolder) -> list[int]:
    rows = read_jsonl(run.regularization / "samples.jsonl", Sample)
    return [Image.open(run.root / row.image).getpixel((0, 0))[0] for row in rows]


def test_redrawn_until_they_pass(tmp_path: Path, sampler: Sampler, judge: Judge) -> None:
    run, mine, backbone = captioned(tmp_path, subject()), subject(), drawer(tmp_path)
    regularize_stage(run, Structured(count=20, filter=ClipFilter(tries=20)), [mine], backbone, 0, "cpu")
    assert min(reds(run)) >= 128
    assert judge.nouns == {"backpack"}
    manifest = read_json(run.regularization / "manifest.json")
    assert manifest["dropped"] == len(sampler.drawn) - 20 > 0
    assert manifest["unfit"] == 0
    plan = [r.prompt for r in sampler.drawn[:20]]
    rows = read_jsonl(run.regularization / "samples.jsonl", Sample)
    assert [row.caption.render() for row in rows] == plan


def test_off_by_default(tmp_path: Path, sampler: Sampler, judge: Judge) -> None:
    run = captioned(tmp_path, subject())
    regularize_stage(run, Structured(count=20), [subject()], drawer(tmp_path), 0, "cpu")
    assert len(sampler.drawn) == 20
    assert min(reds(run)) < 128
    assert "dropped" not in read_json(run.regularization / "manifest.json")


def test_the_best_of_those_that_never_pass_is_kept_and_counted(tmp_path: Path, sampler: Sampler, judge: Judge) -> None:
    judge.least = 256
    run = captioned(tmp_path, subject())
    regularize_stage(run, ClassPrompt(count=3, filter=ClipFilter(tries=4)), [subject()], drawer(tmp_path), 0, "cpu")
    manifest = read_json(run.regularization / "manifest.json")
    assert (manifest["dropped"], manifest["unfit"]) == (9, 3)
    assert len(sampler.drawn) == 12
    alone = [next(iter(Sampler()("", [request], Sampling())))[0] for request in sampler.drawn]
    redness = {(r.prompt, r.seed): i.getpixel((0, 0))[0] for r, i in zip(sampler.drawn, alone, strict=True)}
    first = [r.seed for r in sampler.drawn[:3]]
    best = [max(redness["a backpack", another_seed(seed, attempt)] for attempt in range(4)) for seed in first]
    assert reds(run) == best


def test_an_interrupted_filtered_set_ends_the_same(tmp_path: Path, sampler: Sampler, judge: Judge) -> None:
    settings, mine = Structured(count=12, filter=ClipFilter(tries=5)), subject()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = captioned(tmp_path / "a", mine)
    regularize_stage(whole, settings, [mine], drawer(tmp_path), 0, "cpu")
    total = len(sampler.drawn)
    broken = captioned(tmp_path / "b", mine)
    sampler.drawn, sampler.dies_after = [], total - 2
    with pytest.raises(KeyboardInterrupt):
        regularize_stage(broken, settings, [mine], drawer(tmp_path), 0, "cpu")
    sampler.dies_after = None
    regularize_stage(broken, settings, [mine], drawer(tmp_path), 0, "cpu")
    assert len(sampler.drawn) == len(set(sampler.drawn)) == total
    names = [
        [r.image.name for r in read_jsonl(run.regularization / "samples.jsonl", Sample)] for run in (whole, broken)
    ]
    assert names[0] == names[1]


def test_seeds_of_attempts() -> None:
    assert another_seed(7, 0) == 7
    assert len({another_seed(7, attempt) for attempt in range(50)}) == 50
    assert 0 <= another_seed(7, 1) < 2**32


class Clip:
    """Known embeddings: pictures and texts by name."""

    def __init__(self, **rows: list[float]) -> None:
        self.rows = {name.replace("_", " "): torch.tensor(row) for name, row in rows.items()}

    def images(self, names):
        return torch.stack([self.rows[name] for name in names])

    texts = images


def test_verdicts_by_hand() -> None:
    """Cosines .30 (a dog) and .29 (a cat): class = e^30 / (e^30 + e^29) = 1 / (1 + 1/e) = .7311. Quality .25 and .26: .2689."""
    clip = Clip(
        one=[1, 0, 0, 0], a_dog=[0.30, 0, 0, 0], a_cat=[0.29, 0, 0, 0], good=[0.25, 0, 0, 0], bad=[0.26, 0, 0, 0]
    )
    settings = ClipFilter(contrasts=("a cat",), good="good", bad="bad", min_class=0.7, min_quality=0.2)
    [verdict] = LoadedFilter(settings, clip, FACTS).verdicts(["one"], "dog")
    assert verdict.found == pytest.approx(0.7311, abs=1e-4)
    assert verdict.good == pytest.approx(0.2689, abs=1e-4)
    assert verdict.passes
    for stricter in ({"min_class": 0.74}, {"min_quality": 0.3}):
        values = {
            "contrasts": ("a cat",),
            "good": "good",
            "bad": "bad",
            "min_class": 0.7,
            "min_quality": 0.2,
        } | stricter
        assert not LoadedFilter(ClipFilter(**values), clip, FACTS).verdicts(["one"], "dog")[0].passes


def test_what_the_class_has_to_win_against() -> None:
    from dataclasses import replace

    assert "a person" in ClipFilter().others("dog", FACTS)
    assert ClipFilter().others("person", FACTS) == [t for t in ClipFilter().others("dog", FACTS) if t != "a person"]
    known = replace(FACTS, words={"nouns": {"dog": {}, "owl": {}, "sunglasses": {}}})
    assert ClipFilter().others("dog", known) == ["an owl", "sunglasses"]
    assert ClipFilter(contrasts=("a cat", "a dog")).others("dog", known) == ["a cat"]


def test_with_a_real_clip(tmp_path: Path) -> None:
    loaded = ClipFilter(checkpoint=str(tiny_clip(tmp_path)), contrasts=("a cat", "a robot")).load(FACTS, "cpu")
    verdicts = loaded.verdicts([Image.new("RGB", (64, 64), color) for color in ("red", "blue")], "dog")
    assert all(0 < v.found < 1 and 0 < v.good < 1 for v in verdicts)
    assert verdicts[0] != verdicts[1]


def test_the_miniature_is_filtered_through_its_own_clip_not_the_judges(monkeypatch) -> None:
    opened = []
    monkeypatch.setattr("staytrue.encoders.clip.ClipJudge.load", lambda self, device: opened.append(self.checkpoint))
    ClipFilter().load(replace(FACTS, is_miniature=True), "cpu")
    ClipFilter(checkpoint="mine").load(FACTS, "cpu")
    assert Path(opened[0]).parts[-2:] == ("encoders", "clip")
    assert opened[1] == "mine"
