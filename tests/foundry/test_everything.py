"""What ships is enough to go on training from."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTokenizer

pytest.importorskip("tqdm")
from foundry import everything
from foundry.models import clip, instance, unet, vae
from foundry.models.training import Plan, Trainer, load_ema


class Toy:
    def __init__(self) -> None:
        self.modules = nn.ModuleDict({"line": nn.Linear(2, 1)})

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        return self.modules["line"](torch.ones(1, 2)).square().mean(), {}


def test_adopted_weights_are_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everything, "RUNS", tmp_path)
    everything.adopt()
    assert {run.name for run in tmp_path.iterdir()} == {*everything.SHIPPED, "tokenizer"}
    adopted = load_ema(vae.build(8), tmp_path / "vae", "vae")
    shipped = AutoencoderKL.from_pretrained(everything.ASSETS / "miniature" / "vae", torch_dtype=torch.float32)
    pixels = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    torch.testing.assert_close(adopted.encode(pixels).latent_dist.mean, shipped.encode(pixels).latent_dist.mean)


def test_averaged_weights_alone_are_a_start(tmp_path: Path) -> None:
    state = tmp_path / "state-00000000"
    state.mkdir()
    save_file({"line.weight": torch.tensor([[3.0, 4.0]]), "line.bias": torch.tensor([5.0])}, state / "ema.safetensors")
    trainer = Trainer(Toy(), Plan(tmp_path, budget_s=1.0))
    assert trainer.progress.step == 0
    assert trainer.weights["line.weight"].tolist() == trainer.ema["line.weight"].tolist() == [[3.0, 4.0]]
    trainer.run(max_steps=2)
    assert trainer.progress.step == 2


def test_every_adopted_weight_has_the_name_its_script_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start whose names fit nothing is no start; the instance judge's once did not."""
    monkeypatch.setattr(everything, "RUNS", tmp_path)
    monkeypatch.setattr(clip, "load_tokenizer", lambda: CLIPTokenizer.from_pretrained(tmp_path / "tokenizer"))
    everything.adopt()
    starts = [
        (instance.build(), "instance", "vit"),
        (clip.build(clip.JUDGE), "judge", "clip"),
        (clip.build(clip.OWN).text_model, "clip", "clip.text_model"),
        (unet.build(), "unet", "unet"),
    ]
    for module, run, prefix in starts:
        before = {name: weight.clone() for name, weight in module.state_dict().items() if weight.is_floating_point()}
        after = load_ema(module, tmp_path / run, prefix).state_dict()
        assert all(
            name.endswith(".bias") or not torch.equal(before[name], after[name])
            for name in before
            if before[name].std() > 0
        ), run
