"""Purifiers with weights: their formulas a second time, what they load and refuse, and where chance comes from."""

import pickle
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from staytrue.backbones import SD
from staytrue.errors import BackboneError, ConfigError, MissingExtraError
from staytrue.purify import Tools, cleaner, noising
from staytrue.purify.chain import Chain
from staytrue.purify.code_sr import CodeSR
from staytrue.purify.consistency import Pull, consistent, loss
from staytrue.purify.diffpure import DiffPure
from staytrue.purify.distance import one_minus_ssim
from staytrue.purify.faces import TEMPLATE, detector, inverse, similarity, with_faces
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.restore import Restore
from staytrue.purify.scaled import at_size, working_size
from staytrue.purify.spandrel_file import load_file, spandrel
from staytrue.purify.tiles import starts, tiled
from staytrue.purify.upscale import Upscale
from staytrue.purify.vae_roundtrip import VaeRoundtrip
from tests.purify.stand_ins import tiny_enlarger, tiny_restorer, tiny_upscaler
from tests.purify.test_inspection import scene
from tests.tiny import tiny_sd


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def tools(request, tmp_path_factory) -> Tools:
    return Tools(SD(path=str(tiny_sd(tmp_path_factory.mktemp("tiny"), request.param))), class_noun="dog")


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def test_there_and_back_is_ddpms_ancestral_chain(tools: Tools) -> None:
    """Ho et al. 2020, eq. 4, 6 and 7 in float64: posterior mean and variance between neighboring timesteps of the list."""
    backbone, times = tools.backbone(), [400, 200, 100]
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    condition = noising.conditioned(backbone, "a photo of a dog", 1.0)
    ours = noising.there_and_back(backbone, latents, times, condition, torch.Generator().manual_seed(5))

    chance, a = torch.Generator().manual_seed(5), backbone.process.alphas_cumprod.double()
    draws = [torch.randn(latents.shape, generator=chance).double() for _ in range(3)]
    x = a[400].sqrt() * latents.double() + (1 - a[400]).sqrt() * draws[0]
    for t, before, draw in zip(times, [*times[1:], None], [*draws[1:], None], strict=True):
        with torch.no_grad():
            output = backbone.unet(x.float(), t, encoder_hidden_states=condition[0]).sample.double()
        epsilon = output if backbone.facts.prediction == "epsilon" else a[t].sqrt() * output + (1 - a[t]).sqrt() * x
        x0 = (x - (1 - a[t]).sqrt() * epsilon) / a[t].sqrt()
        if before is None:
            x = x0
            break
        alpha = a[t] / a[before]
        mean = a[before].sqrt() * (1 - alpha) / (1 - a[t]) * x0 + alpha.sqrt() * (1 - a[before]) / (1 - a[t]) * x
        x = mean + ((1 - a[before]) / (1 - a[t]) * (1 - alpha)).sqrt() * draw
    assert torch.allclose(ours.double(), x, atol=2e-4)


def test_guidance_weighs_prompt_against_nothing(tools: Tools) -> None:
    """At weight w the output is without + w (with - without): one step by hand."""
    backbone = tools.backbone()
    latents = torch.zeros(1, 4, 8, 8)
    made = {
        w: noising.there_and_back(
            backbone, latents, [300], noising.conditioned(backbone, "a dog", w), torch.Generator().manual_seed(0)
        )
        for w in (1.0, 2.0, 3.0)
    }
    assert torch.allclose(made[3.0] - made[2.0], made[2.0] - made[1.0], atol=1e-4)  # x0 is linear in the output


@pytest.mark.parametrize(("first", "steps", "times"), [(300, 3, [300, 200, 100]), (2, 5, [2, 1]), (7, 1, [7])])
def test_timesteps_descend_from_the_first(first: int, steps: int, times: list[int]) -> None:
    assert noising.descending(first, steps) == times


def test_a_little_noise_changes_less_than_much(tools: Tools) -> None:
    image, through = scene(), VaeRoundtrip().load(tools)(scene())
    near, far = (DiffPure(t=t, steps=2).load(tools)(image) for t in (1, 600))
    assert np.abs(pixels(near) - pixels(through)).mean() < np.abs(pixels(far) - pixels(through)).mean()


def test_chance_belongs_to_seed_and_photo(tools: Tools) -> None:
    clean = {seed: pixels(DiffPure(steps=1).load(replace(tools, seed=seed))(scene())) for seed in (0, 1)}
    assert not np.array_equal(clean[0], clean[1])


def test_the_roundtrip_by_hand(tools: Tools) -> None:
    image, vae = scene(side=32), tools.backbone().vae
    x = torch.tensor(np.asarray(image)).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        back = vae.decode(vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
    expected = ((back[0].permute(1, 2, 0).numpy() + 1) * 127.5).round()
    assert np.abs(pixels(VaeRoundtrip().load(tools)(image)) - expected).max() <= 1


def test_impress_lowers_its_loss_and_says_what_it_is(tools: Tools) -> None:
    backbone = tools.backbone()
    photo = torch.tensor(np.asarray(scene(side=32))).permute(2, 0, 1)[None].float() / 127.5 - 1
    pull = Pull(steps=12, rate=0.02, weight=0.7, budget=0.05, distance=one_minus_ssim)
    other = (photo + 0.2 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    with torch.no_grad():
        back = backbone.vae.decode(backbone.vae.encode(other).latent_dist.mean).sample
        beyond = max(float(one_minus_ssim(other, photo)) - 0.05, 0)
        expected = float((back - other).square().mean()) + 0.7 * beyond
        assert loss(backbone, other, photo, pull).item() == pytest.approx(expected, rel=1e-5)
    made = consistent(backbone, photo, pull, 0.0, torch.Generator())
    assert loss(backbone, made, photo, pull) < loss(backbone, photo, photo, pull)
    assert made.abs().max() <= 1
    assert all(p.grad is None for p in backbone.vae.parameters())


def test_tiles_cover_everything_and_average() -> None:
    assert starts(8, 8) == [0]
    assert starts(20, 8) == [0, 4, 8, 12]
    assert starts(6, 8) == [0]
    x = torch.rand(1, 3, 20, 12)
    assert torch.allclose(tiled(x, 8, lambda rows: rows), x, atol=1e-6)
    numbered = iter(range(1, 99))
    one = tiled(torch.zeros(1, 3, 8, 12), 8, lambda rows: torch.stack([r + next(numbered) for r in rows]))
    assert one[0, 0, 0].tolist() == [1, 1, 1, 1, 1.5, 1.5, 1.5, 1.5, 2, 2, 2, 2]  # tiles 1 and 2 overlap by half


@pytest.mark.parametrize(
    ("size", "side", "multiple", "expected"),
    [((640, 480), 128, 8, (168, 128)), ((100, 60), 512, 8, (96, 64)), ((64, 64), 64, 16, (64, 64))],
)
def test_working_sizes(size, side, multiple, expected) -> None:
    assert working_size(size, side, multiple) == expected


def test_a_picture_at_its_own_size_passes_unchanged() -> None:
    assert np.array_equal(pixels(at_size(scene(), (64, 64), lambda x: x)), pixels(scene()))


# --- restorers in files ---------------------------------------------------------------------------------------------


def test_a_restorer_is_called_in_the_unit_range(tmp_path: Path) -> None:
    path = tiny_restorer(tmp_path / "r.safetensors")
    network, image = load_file(path), scene()
    x = torch.tensor(np.asarray(image)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        expected = (network.model(x)[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255).round()
    assert np.abs(pixels(Restore(model=str(path)).load(Tools())(image)) - expected).max() <= 1


def test_an_upscaler_gets_the_photo_shrunk(tmp_path: Path) -> None:
    path = tiny_enlarger(tmp_path / "x2.safetensors")
    network = load_file(path)
    assert network.scale == 2
    seen = []
    tools = Tools(memory={("spandrel", path): Spy(network, seen)})
    assert Restore(model=str(path)).load(tools)(scene(side=1024)).size == (1024, 1024)
    Restore(model=str(path), shrink=False).load(tools)(scene(side=1024))
    assert seen == [(256, 256), (512, 512)]


class Spy:
    def __init__(self, network, seen):
        self.network, self.seen = network, seen
        self.scale, self.device, self.dtype = network.scale, network.device, network.dtype

    def __call__(self, x):
        self.seen.append(tuple(x.shape[2:]))
        return torch.nn.functional.interpolate(x, scale_factor=self.scale)


def test_pth_with_tensors_only_is_read_and_a_program_is_not(tmp_path: Path) -> None:
    from safetensors.torch import load_file as load_safetensors

    weights = load_safetensors(tiny_restorer(tmp_path / "r.safetensors"))
    torch.save({"params_ema": weights}, tmp_path / "good.pth")
    assert load_file(tmp_path / "good.pth").architecture.id == "NAFNet"

    class Program:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "it-ran",))

    torch.save({"params": weights, "more": Program()}, tmp_path / "bad.pth")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps(Program()))
    for name in ("bad.pth", "plain.ckpt"):
        with pytest.raises(BackboneError, match="more than tensors"):
            load_file(tmp_path / name)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize(("name", "said"), [("no.pth", "no model file"), ("w.bin", "not a weight file")])
def test_files_that_are_none(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"x")
    with pytest.raises(BackboneError, match=said):
        load_file(tmp_path / name)


def test_an_unknown_architecture_is_said(tmp_path: Path) -> None:
    torch.save({"some.weight": torch.zeros(2)}, tmp_path / "odd.pth")
    with pytest.raises(BackboneError, match="no architecture"):
        load_file(tmp_path / "odd.pth")


def test_files_that_are_broken_or_of_another_network_are_named(tmp_path: Path) -> None:
    """Cut off, a page saved under the model's name, no weights at all, some of the weights, and a network for gray pictures."""
    from safetensors.torch import load_file as load_safetensors

    whole = tiny_restorer(tmp_path / "whole.safetensors")
    weights = load_safetensors(whole)
    torch.save(weights, tmp_path / "whole.pth")
    for name in ("whole.safetensors", "whole.pth"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / f"cut-{name}").write_bytes(content[: len(content) // 2])
        (tmp_path / f"page-{name}").write_bytes(b"<html>not found</html>")
    holds = {"number": 3, "rows": [weights], "steps": {"step": 7}, "some": dict(list(weights.items())[:-3])}
    for name, content in holds.items():
        torch.save(content, tmp_path / f"{name}.pth")
    tiny_restorer(tmp_path / "gray.safetensors", channels=1)
    for path in sorted({*tmp_path.iterdir()} - {whole, whole.with_suffix(".pth")}):
        with pytest.raises(BackboneError, match=path.name):
            load_file(path)
    assert load_file(whole).architecture.id == "NAFNet"


def test_spandrel_leaves_no_placeholder_of_torchvision() -> None:
    """Others, transformers among them, ask whether torchvision is there: it must not seem to be."""
    spandrel()
    assert not isinstance(sys.modules.get("torchvision"), ModuleType) or hasattr(sys.modules["torchvision"], "__path__")


def test_auto_without_a_restorer_of_its_own_asks_for_a_file(tools: Tools) -> None:
    with pytest.raises(ConfigError, match=r"purify\.model"):
        Restore().load(tools)


# --- upscaling, faces, chains ---------------------------------------------------------------------------------------


def test_the_upscaler_is_loaded_once_and_told_class_and_settings(tmp_path: Path, monkeypatch) -> None:
    upscale = Upscale(model=str(tiny_upscaler(tmp_path)), side_px=16, steps=2, guidance=2.0, noise_level=7)
    tools, calls = Tools(class_noun="owl"), []
    clean = upscale.load(tools)
    pipeline = tools.memory["upscaler", upscale.model]
    kind = type(pipeline)
    original = kind.__call__
    monkeypatch.setattr(kind, "__call__", lambda self, *w, **k: calls.append((w, k)) or original(self, *w, **k))
    assert clean(scene().crop((0, 0, 64, 48))).size == (64, 48)
    [(words, settings)] = calls
    assert words == ("A photo of an owl",)
    assert settings["image"].size == (24, 16)
    assert (settings["num_inference_steps"], settings["guidance_scale"], settings["noise_level"]) == (2, 2.0, 7)
    upscale.load(tools.of("dog"))
    assert [k for k in tools.memory if k[0] == "upscaler"] == [("upscaler", upscale.model)]


def test_a_prompt_may_have_other_braces() -> None:
    assert Tools(class_noun="owl").prompt("a {dog} beside {}") == "a {dog} beside an owl"
    assert Tools(class_noun="owl").prompt("") == ""


def test_an_absent_upscaler_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"purify\.model=/models/x4-upscaler"):
        Upscale(model=str(tmp_path / "none")).load(Tools())


def test_a_folder_at_home_is_found_by_the_check_and_by_the_loading(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tiny_upscaler(tmp_path / "x4")
    upscale = Upscale(model="~/x4", side_px=16, steps=1)
    upscale.require(Tools())
    assert upscale.load(Tools())(scene()).size == scene().size


def test_code_sr_of_things_only_upscales(tmp_path: Path) -> None:
    upscale = Upscale(model=str(tiny_upscaler(tmp_path)), side_px=16, steps=2)
    tools = Tools(class_noun="backpack")
    assert np.array_equal(
        pixels(CodeSR(upscale=upscale).load(tools)(scene())),
        pixels(upscale.load(Tools(class_noun="backpack"))(scene())),
    )


def test_code_sr_of_people_asks_for_weights_and_for_the_extra(tmp_path: Path, monkeypatch) -> None:
    """People are whom the project's lexicon names, "actor" as much as "young Woman"; a teddy bear is not."""
    for noun in ("person", "young Woman", "actor", "grandmother"):
        with pytest.raises(ConfigError, match=r"purify\.faces"):
            CodeSR().load(Tools(class_noun=noun))
    with pytest.raises(BackboneError, match=r"upscaler.*purify\.upscale\.model="):
        CodeSR(upscale=Upscale(model=str(tmp_path / "upscaler"))).load(Tools(class_noun="teddy bear"))
    monkeypatch.setitem(sys.modules, "spandrel_extra_arches", None)
    with pytest.raises(MissingExtraError, match="noncommercial"):
        CodeSR(faces=tmp_path / "codeformer.pth").load(Tools(class_noun="person"))
    monkeypatch.setitem(sys.modules, "insightface", None)
    with pytest.raises(MissingExtraError, match="noncommercial"):
        detector("cpu")


def test_code_sr_restores_faces_at_its_fidelity(tmp_path: Path, monkeypatch) -> None:
    """With stand-ins for CodeFormer and the detector: the face in the middle turns white before the upscaler sees it."""
    from staytrue.purify import codeformer, faces

    told = []
    package = SimpleNamespace(
        model=lambda x, weight, adain: told.append((weight, adain, tuple(x.shape))) or (torch.ones_like(x), None),
        device="cpu",
        dtype=torch.float32,
    )
    monkeypatch.setattr(codeformer, "_architectures", lambda: None)
    monkeypatch.setattr(codeformer, "load_file", lambda *_: package)
    points = TEMPLATE / 512 * 32 + 16
    monkeypatch.setattr(faces, "detector", lambda device: lambda image: [points])
    seen = []
    monkeypatch.setattr(Upscale, "load", lambda self, tools: lambda image: seen.append(image) or image)
    CodeSR(faces=tmp_path / "c.pth", fidelity=0.7).load(Tools(class_noun="man"))(scene())
    assert told == [(0.7, True, (1, 3, 512, 512))]
    assert pixels(seen[0])[32, 32].tolist() == [255, 255, 255]
    assert np.array_equal(pixels(seen[0])[:12], pixels(scene())[:12])


def test_the_similarity_recovers_turn_scale_and_shift() -> None:
    angle, scale = 0.3, 1.7
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(TEMPLATE, TEMPLATE @ turn.T + [5, -8])
    assert np.allclose(found, np.column_stack([turn, [5, -8]]))
    there_and_back = inverse(found)[:, :2] @ found[:, :2]
    assert np.allclose(there_and_back, np.eye(2))
    mirrored = similarity(TEMPLATE, TEMPLATE * [-1, 1])
    assert np.linalg.det(mirrored[:, :2]) >= 0  # never a mirror


def test_a_photo_without_faces_is_left_alone() -> None:
    assert with_faces(scene(), lambda image: [], lambda face: face) == scene()


def test_a_restored_face_comes_back_to_its_place() -> None:
    """Restoring nothing changes almost nothing, though the face went through 512 px and a turn."""
    points = (TEMPLATE / 512 * 80 + 20) @ np.array([[0.98, -0.17], [0.17, 0.98]]).T
    smooth = scene(side=128).resize((16, 16)).resize((128, 128), Image.Resampling.BICUBIC)
    back = with_faces(smooth, lambda image: [points], lambda face: face)
    assert np.abs(pixels(back) - pixels(smooth)).mean() < 1


def test_a_chain_is_its_steps_in_order() -> None:
    steps = (Jpeg(quality=30), Gaussian(sigma_px=20))
    expected = steps[1].purify(steps[0].purify(scene()))
    assert np.array_equal(pixels(cleaner(Chain(steps=steps), Tools())(scene())), pixels(expected))
    other = cleaner(Chain(steps=steps[::-1]), Tools())(scene())
    assert not np.array_equal(pixels(other), pixels(expected))


def test_a_chain_needs_steps_and_shares_one_backbone(tools: Tools, monkeypatch) -> None:
    with pytest.raises(ValidationError):
        Chain()
    loads, load = [], SD.load
    monkeypatch.setattr(SD, "load", lambda self, device="cpu", dtype=None: loads.append(1) or load(self, device, dtype))
    cleaner(Chain(steps=(VaeRoundtrip(), DiffPure(steps=1))), replace(tools, memory={}))
    assert len(loads) == 1


def test_a_step_of_a_chain_is_named_in_what_it_lacks() -> None:
    with pytest.raises(ConfigError, match=r"purify\.steps\.1\.model: there is no restorer"):
        Chain(steps=(Jpeg(), Restore())).load(Tools())


def test_models_without_a_backbone_say_so() -> None:
    with pytest.raises(ConfigError, match="uses the backbone"):
        VaeRoundtrip().load(Tools())
