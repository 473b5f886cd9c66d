"""What is complete is so of the weights that made it, not of the path where others lie today."""

from dataclasses import replace
from pathlib import Path

import pytest

from staytrue.backbones import SD
from staytrue.errors import BackboneError
from staytrue.purify import Tools
from staytrue.purify.base import identity
from staytrue.purify.chain import Chain
from staytrue.purify.diffpure import DiffPure
from staytrue.purify.inspection import Inspect
from staytrue.purify.inspection.inspect import inspection_key
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.none import NoPurifier
from staytrue.purify.restore import Restore
from staytrue.purify.stage import purify_stage
from staytrue.purify.upscale import Upscale
from staytrue.purify.vae_roundtrip import VaeRoundtrip
from staytrue.runs import RunFolder
from tests.caption.tiny_models import tiny_clip
from tests.purify.stand_ins import tiny_restorer, tiny_upscaler
from tests.purify.test_stage import make_subject
from tests.tiny import tiny_sd


@pytest.fixture
def cleaned(tmp_path: Path):
    """A function that cleans the photos of one run with a backbone at one path, and says whether it did."""
    subject, model = make_subject(tmp_path), tiny_sd(tmp_path / "model")

    def clean(purifier) -> bool:
        return purify_stage(RunFolder(tmp_path / "run"), purifier, [subject], Tools(SD(path=str(model))))

    return clean


@pytest.mark.parametrize("purifier", [VaeRoundtrip(), Chain(steps=(Jpeg(), VaeRoundtrip()))], ids=lambda p: p.name)
def test_photos_cleaned_with_another_backbone_under_the_same_path_are_cleaned_again(
    cleaned, purifier, tmp_path
) -> None:
    assert [cleaned(purifier), cleaned(purifier)] == [True, False]
    tiny_sd(tmp_path / "model", seed=1)
    assert [cleaned(purifier), cleaned(purifier)] == [True, False]


def test_a_restorer_s_file_counts_and_the_backbone_beside_it_does_not(cleaned, tmp_path: Path) -> None:
    restore = Restore(model=str(tiny_restorer(tmp_path / "r.safetensors")))
    assert cleaned(restore)
    tiny_sd(tmp_path / "model", seed=1)
    assert not cleaned(restore)
    tiny_restorer(tmp_path / "r.safetensors", seed=1)
    assert [cleaned(restore), cleaned(restore)] == [True, False]
    (tmp_path / "r.safetensors").unlink()
    assert not cleaned(restore)  # what is gone cannot have cleaned otherwise
    with pytest.raises(BackboneError, match="no model file"):
        cleaned(replace(restore, shrink=False))


def test_an_upscaler_is_told_from_its_copy_s_contents(tmp_path: Path) -> None:
    one, two = (Upscale(model=str(tiny_upscaler(tmp_path / name))) for name in ("one", "two"))
    assert identity(one, Tools()) == identity(two, Tools())
    (tmp_path / "two" / "unet" / "config.json").write_text("{}")
    assert identity(one, Tools()) != identity(two, Tools())


def test_weights_that_nothing_uses_are_not_read(cleaned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("staytrue.backbones.identity.backbone_identity", lambda _: pytest.fail("read"))
    for purifier in (NoPurifier(), Jpeg(), Chain(steps=(Jpeg(), Jpeg(quality=50)))):
        assert cleaned(purifier)


def test_several_subjects_read_the_backbone_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr("staytrue.backbones.identity.backbone_identity", lambda _: read.append(1) or "it")
    tools = Tools(SD(path=str(tiny_sd(tmp_path / "model"))))
    assert [identity(DiffPure(), tools.of(noun)) for noun in ("dog", "cat")] == [["it"], ["it"]]
    assert read == [1]


def test_an_inspection_counts_for_the_weights_that_it_looked_through(tmp_path: Path) -> None:
    model, clip = tiny_sd(tmp_path / "model"), tmp_path / "clip"
    tiny_clip(clip)

    def keys() -> dict[str, str]:
        tools, inspect = Tools(SD(path=str(model))), Inspect(clip=str(clip))
        return {d: inspection_key(replace(inspect, depth=d), [], [], tools) for d in ("pixels", "clip", "model")}

    def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
        return {depth for depth in before if before[depth] != after[depth]}

    first = keys()
    assert keys() == first
    tiny_sd(model, seed=1)
    second = keys()
    assert changed(first, second) == {"model"}
    for file in clip.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-4] + b"1234")
    assert changed(second, keys()) == {"clip", "model"}
