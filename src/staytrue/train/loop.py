"""The training loop: one function, four events.

Nothing here waits for the device: losses stay where they are computed until a hook asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from staytrue.diffusion.randomness import derived_seed
from staytrue.errors import ConfigError
from staytrue.objectives.composed import Composed
from staytrue.train.config import Train
from staytrue.train.every import steps_of
from staytrue.train.state import State
from staytrue.train.steps import StepMaker


class Hook(Protocol):
    """Whatever watches a training. It must not change the outcome: randomness is derived anew at each step."""

    def start(self, state: State) -> None:
        """Before the first step of this process, which is not step 0 after a resume."""

    def step(self, state: State, losses: dict[str, Tensor]) -> None:
        """After each optimizer update, with the mean loss of each objective, on the device."""

    def checkpoint(self, state: State) -> None:
        """Every ``checkpoint_every`` updates, and after the last; also where that was done before this process."""

    def end(self, state: State) -> None:
        """After the last update, or when the training is cut short: closes what ``start`` opened."""


@dataclass(frozen=True)
class Watched:
    """Nothing happens. Hooks extend it and fill in what they need."""

    def start(self, state: State) -> None: ...

    def step(self, state: State, losses: dict[str, Tensor]) -> None: ...

    def checkpoint(self, state: State) -> None: ...

    def end(self, state: State) -> None: ...


def never() -> bool:
    """Trains to the last step."""
    return False


def train_loop(
    train: Train, state: State, make_step: StepMaker, hooks: Sequence[Hook], stop: Callable[[], bool] = never
) -> None:
    """Trains from ``state.step`` to ``train.steps``.

    Update n consists of the micro-batches n * accumulation ... (n + 1) * accumulation - 1. Everything random in one derives
    from the run's seed, its number and a purpose, so a resumed training is the uninterrupted one.

    Args:
        train: the settings.
        state: fresh, or taken over from a checkpoint; changed in place.
        make_step: makes micro-batches by number.
        hooks: called in order at each event.
        stop: asked before each update, whether the last one was the last of all; so a training that was killed after it
            stopped stops again.

    Raises:
        ConfigError: an objective matches no row in a whole epoch.
    """
    composed, seed = Composed(train.objectives), make_step.batches.seed
    check_rows(composed, make_step, train.accumulation)
    parameters, interval = state.parameters(), steps_of(train.checkpoint_every)
    try:
        for hook in hooks:
            hook.start(state)
        if state.step == train.steps:  # but a longer training may have left more than is this one's
            for hook in hooks:
                hook.checkpoint(state)
        while state.step < train.steps and not stop():
            rise = min(1.0, (state.step + 1) / (train.warmup_steps + 1))
            for group in state.optimizer.param_groups:
                group["lr"] = group["peak"] * rise
            window = range(state.step * train.accumulation, (state.step + 1) * train.accumulation)
            counts = composed.counts([make_step.batches.roles(micro) for micro in window])
            losses: dict[str, Tensor] = {}
            for micro in window:
                torch.manual_seed(derived_seed(seed, micro, "network"))
                with attention(state.backbone.device):  # backward too: checkpointing computes forward again in it
                    with precision(train, state.backbone.device):
                        share, means = composed(make_step(micro), counts)
                    share.backward()
                for name, mean in means.items():
                    losses[name] = losses[name] + mean if name in losses else mean
            if train.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(parameters, train.max_grad_norm)
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            if train.ema is not None:
                state.average(train.ema)
            state.step += 1
            for hook in hooks:
                hook.step(state, losses)
            if state.step % interval == 0 or state.step == train.steps:
                for hook in hooks:
                    hook.checkpoint(state)
    finally:  # Ctrl-C too: a bar that is not stopped leaves the terminal without its cursor
        for hook in hooks:
            hook.end(state)


def check_rows(composed: Composed, make_step: StepMaker, accumulation: int) -> None:
    """Raises ``ConfigError`` if an objective would learn from nothing for a whole epoch."""
    micros = range(max(make_step.batches.per_epoch(), accumulation))
    for name, count in composed.counts([make_step.batches.roles(micro) for micro in micros]).items():
        if count == 0:
            rows = composed.terms[name].objective.rows
            raise ConfigError(
                f"train.objectives.{name} matched no rows in an epoch: there are no {rows} rows in the batches"
                " (train.batch, train.class_rows, regularize); give it some, or set its weight to 0"
            )


def precision(train: Train, device: torch.device) -> AbstractContextManager[object]:
    """The precision asked for; for "auto", the one that is fast here."""
    rounded = train.dtype == "bfloat16" or (train.dtype == "auto" and fast_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16) if rounded else nullcontext()


def attention(device: torch.device) -> AbstractContextManager[object]:
    """The kernels of attention that are fast here: the flash kernel's backward takes 40 % of a step on a CPU."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 pays on the device: older GPUs only emulate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_amx_tile_supported()
