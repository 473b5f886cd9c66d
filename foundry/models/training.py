"""The training harness: a budget of wall-clock seconds, exact resume, EMA, and a log a person can read."""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from foundry.models import workers
from foundry.models.muon import Muon, is_matrix
from foundry.sources import BUILD

RUNS = BUILD / "models"


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    Attributes:
        folder: where state and log are kept.
        budget_s: wall-clock seconds over all resumes; the learning rate reaches zero with them.
        lr: peak learning rate.
        warmup_steps: steps of linear warm-up.
        hold: fraction of the budget at the peak rate before the linear decay.
        ema: decay of the averaged weights.
        optimizer: `adamw`, or `muon` for matrices and AdamW for the rest.
        weight_decay: decoupled weight decay.
        batch: pictures a step.
        seed: with the step, the only source of randomness.
        threads: CPU threads.
        save_every_s: seconds between checkpoints.
    """

    folder: Path
    budget_s: float
    lr: float = 1e-3
    warmup_steps: int = 100
    hold: float = 0.0
    ema: float = 0.999
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    batch: int = 16
    seed: int = 0
    threads: int = 1
    save_every_s: float = 60.0


class Task(Protocol):
    """What is trained: modules, and a loss that draws its own batch from torch's global generator."""

    modules: nn.ModuleDict

    def loss(self, progress: float) -> tuple[Tensor, dict[str, float]]:
        """The loss of one step and numbers to log; `progress` is the spent fraction of the budget."""
        ...


@dataclass
class Progress:
    """How far a run is."""

    step: int = 0
    elapsed_s: float = 0.0


def device() -> torch.device:
    """The accelerator if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def parse_plan(parser: argparse.ArgumentParser, name: str, **defaults: object) -> tuple[Plan, argparse.Namespace]:
    """Command-line options of a plan, every field of it, with a model's own defaults."""
    parser.add_argument("--folder", type=Path, default=RUNS / name)
    for field in fields(Plan):
        if field.name != "folder":
            default = defaults.get(field.name, field.default)
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, default=default)
    options = parser.parse_args()
    return Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)}), options


def seed_step(seed: int, step: int) -> None:
    """Make all randomness of a step a function of (seed, step), so that a resumed run is the same run."""
    torch.manual_seed((seed * 1_000_003 + step) * 2_654_435_761 % 2**63)


def learning_rate(plan: Plan, progress: Progress) -> float:
    """Linear warm-up by steps, then a hold and a linear decay to zero by spent budget."""
    spent = progress.elapsed_s / plan.budget_s
    decay = min(1.0, max(0.0, (1 - spent) / (1 - plan.hold)))
    return plan.lr * min(1.0, (progress.step + 1) / plan.warmup_steps) * decay


class Trainer:
    """Trains a task until its budget is spent; run it again to resume.

    Attributes:
        ema: averaged weights by name, and those that are not trained: what is exported.
        progress: how far the run is.
    """

    def __init__(self, task: Task, plan: Plan, clock: Callable[[], float] = time.monotonic):
        self.task, self.plan, self.clock = task, plan, clock
        self.progress = Progress()
        workers.join()
        every = dict(task.modules.named_parameters())
        self.weights = {name: p for name, p in every.items() if p.requires_grad}
        self.frozen = {name: p for name, p in every.items() if not p.requires_grad}
        self.optimizers = _optimizers(self.weights, plan)
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.ema = {name: p.detach().clone() for name, p in every.items()}
        self.window: list[dict[str, float]] = []
        self._resume()

    def run(self, max_steps: int | None = None) -> None:
        """Step until the budget, or `max_steps` of this call, is spent; then save."""
        stop = self.progress.step + max_steps if max_steps else float("inf")
        last = saved = self.clock()
        while self.progress.elapsed_s < self.plan.budget_s and self.progress.step < stop:
            loss, logs = self._step()
            if last - saved > self.plan.save_every_s:
                self.save()
                saved = last
            now = self.clock()
            self.progress.elapsed_s = workers.first(self.progress.elapsed_s + now - last)
            pace = workers.count() * self.plan.batch / (now - last + 1e-9)
            self._log({"loss": loss, **logs, "pictures_per_s": pace})
            last = now
        self.save()

    def _step(self) -> tuple[float, dict[str, float]]:
        seed_step(self.plan.seed + 1009 * workers.rank(), self.progress.step)
        rate = learning_rate(self.plan, self.progress)
        with torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_available()):
            loss, logs = self.task.loss(self.progress.elapsed_s / self.plan.budget_s)
        loss.backward()
        workers.average([p.grad for p in self.weights.values() if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._average()
        self.progress.step += 1
        return loss.item(), {"lr": rate, **logs}

    def _average(self) -> None:
        # A young average must forget its random start: the decay grows with the steps.
        decay = min(self.plan.ema, (1 + self.progress.step) / (10 + self.progress.step))
        averages = [self.ema[name] for name in self.weights]
        torch._foreach_lerp_(averages, list(self.weights.values()), 1 - decay)

    def save(self) -> None:
        """Write the whole state under a temporary name, rename it, then drop older states."""
        if workers.rank():
            return
        part = self.plan.folder / "state.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        save_file({n: p.detach().contiguous() for n, p in self.weights.items()}, part / "weights.safetensors")
        save_file({n: p.contiguous() for n, p in self.ema.items()}, part / "ema.safetensors")
        torch.save([optimizer.state_dict() for optimizer in self.optimizers], part / "optimizers.pt")
        (part / "progress.json").write_text(json.dumps(vars(self.progress)))
        done = self.plan.folder / f"state-{self.progress.step:08d}"
        shutil.rmtree(done, ignore_errors=True)
        part.rename(done)
        for old in sorted(self.plan.folder.glob("state-*"))[:-1]:
            shutil.rmtree(old)

    def _resume(self) -> None:
        """Takes over the newest state; one that holds averaged weights alone is a start, not a run to go on with."""
        states = sorted(self.plan.folder.glob("state-*"))
        if not states:
            return
        whole = (states[-1] / "progress.json").exists()
        average = load_file(states[-1] / "ema.safetensors")
        _copy(average, self.ema)
        _copy(average, self.frozen)
        if not whole:
            _copy(average, self.weights)
            return
        _copy(load_file(states[-1] / "weights.safetensors"), self.weights)
        kept = torch.load(states[-1] / "optimizers.pt", weights_only=True)
        for optimizer, state in zip(self.optimizers, kept, strict=True):
            optimizer.load_state_dict(state)
        self.progress = Progress(**json.loads((states[-1] / "progress.json").read_text()))

    def _log(self, numbers: dict[str, float]) -> None:
        self.window.append(numbers)
        if self.progress.step % 20 or workers.rank():
            return
        means = {k: float(f"{sum(row[k] for row in self.window) / len(self.window):.5g}") for k in numbers}
        self.window.clear()
        row = {"step": self.progress.step, "elapsed_s": round(self.progress.elapsed_s, 1), **means}
        with (self.plan.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        if self.progress.step % 100 == 0:
            print(" ".join(f"{name}={value:.4g}" for name, value in row.items()), flush=True)


def _copy(values: dict[str, Tensor], into: dict[str, Tensor]) -> None:
    """Overwrites tensors of the same names."""
    for name in values.keys() & into.keys():
        into[name].data.copy_(values[name])


def _optimizers(weights: dict[str, nn.Parameter], plan: Plan) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in weights.items() if plan.optimizer == "muon" and is_matrix(n, p)]
    rest = [p for n, p in weights.items() if plan.optimizer != "muon" or not is_matrix(n, p)]
    adamw = torch.optim.AdamW(rest, plan.lr, betas=(0.9, 0.99), weight_decay=plan.weight_decay, fused=True)
    return [adamw, *([Muon(matrices, plan.lr, weight_decay=plan.weight_decay)] if matrices else [])]


def load_ema(module: nn.Module, folder: Path, prefix: str) -> nn.Module:
    """Put the averaged weights of a run's newest state into a module, frozen and in evaluation mode.

    Raises:
        FileNotFoundError: The run has no state yet.
    """
    states = sorted(folder.glob("state-*"))
    if not states:
        raise FileNotFoundError(f"{folder} holds no trained state; run its script first")
    held = load_file(states[-1] / "ema.safetensors")
    module.load_state_dict({n.removeprefix(prefix + "."): v for n, v in held.items() if n.startswith(prefix + ".")})
    return module.requires_grad_(False).eval().to(device())
