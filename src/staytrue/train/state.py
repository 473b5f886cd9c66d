"""What training changes: the trained tensors, the optimizer's memory, the moving average, the count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from staytrue.adapters.base import Adapter
from staytrue.backbones.base import LoadedBackbone
from staytrue.errors import StaleTrainingError
from staytrue.train.config import Train
from staytrue.types import Subject

BETAS, EPSILON = (0.9, 0.999), 1e-8


@dataclass(eq=False)
class State:
    """A training in progress.

    Attributes:
        backbone: with the adapter attached.
        adapter: knows which tensors are trained.
        optimizer: over them.
        ema: moving average of each trained tensor; empty where there is none.
        step: optimizer updates done.
    """

    backbone: LoadedBackbone
    adapter: Adapter
    optimizer: torch.optim.Optimizer
    ema: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0

    def parameters(self) -> list[nn.Parameter]:
        """All trained parameters."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a checkpoint must hold."""
        kept = {f"weights/{name}": tensor for name, tensor in self.adapter.state(self.backbone).items()}
        kept |= {f"ema/{name}": tensor for name, tensor in self.ema.items()}
        for number, parameter in enumerate(self.parameters()):
            kept |= {f"optimizer/{number}/{key}": value for key, value in self.optimizer.state[parameter].items()}
        return kept

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], step: int) -> None:
        """Takes over a checkpoint. Raises ``StaleTrainingError`` if it is of another shape of training."""
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "ema": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        if (
            parts["weights"].keys() != self.adapter.state(self.backbone).keys()
            or parts["ema"].keys() != self.ema.keys()
        ):
            raise StaleTrainingError(
                "the checkpoint holds other tensors than are trained now; delete it, or restore the settings"
            )
        self.adapter.load_state(self.backbone, parts["weights"])
        for name, tensor in parts["ema"].items():
            self.ema[name].copy_(tensor)
        parameters = self.parameters()
        for name, tensor in parts["optimizer"].items():
            number, _, key = name.partition("/")
            self.optimizer.state[parameters[int(number)]][key] = tensor.clone()
        self.step = step

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Moves the average: by 1 - decay, faster in the first steps, so that it forgets where it started."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.values()), list(self.adapter.state(self.backbone).values()), 1 - decay)


def start(train: Train, backbone: LoadedBackbone, subjects: Sequence[Subject], keep_base: bool) -> State:
    """Attaches the adapter and makes the optimizer: a group each for denoiser, text encoder and token rows."""
    if train.gradient_checkpointing:
        backbone.unet.enable_gradient_checkpointing()
    identifiers, nouns = [s.identifier for s in subjects], [s.class_noun for s in subjects]
    groups = train.adapter.attach(backbone, identifiers, keep_base, nouns)
    rates = {"token": train.token_learning_rate, "text_encoder": train.text_encoder_learning_rate}
    described = [
        {
            "params": parameters,
            "peak": rates.get(name) or train.learning_rate,
            "weight_decay": 0.0 if name == "token" else train.weight_decay,
        }
        for name, parameters in groups.items()
    ]
    optimizer = torch.optim.AdamW(described, lr=train.learning_rate, betas=BETAS, eps=EPSILON, fused=True)
    average = {} if train.ema is None else {k: v.clone() for k, v in train.adapter.state(backbone).items()}
    return State(backbone, train.adapter, optimizer, average)
