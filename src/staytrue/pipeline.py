"""A whole run: six calls and a report. The first file to read.

Each stage reads the folder before it and writes its own; one whose manifest matches its settings and inputs is skipped. So
to resume a run, or to change its prompts after training, call this again.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from staytrue.caption.stage import caption_stage
from staytrue.config import RunConfig
from staytrue.evaluate.report import write_report
from staytrue.evaluate.stage import evaluate_stage
from staytrue.generate.stage import generate_stage
from staytrue.opening import defended, open_run, resolved_device
from staytrue.purify import Tools
from staytrue.purify.stage import look, purify_stage
from staytrue.regularize.stage import regularize_stage
from staytrue.runs import RunFolder
from staytrue.train.stage import train_stage

STAGES = ("purify", "caption", "regularize", "train", "generate", "evaluate")


def run(
    config: RunConfig, folder: Path | str, device: str = "auto", until: str = "evaluate", rights: bool = False
) -> RunFolder:
    """Personalizes ``config.subjects`` inside ``folder``, from photos to a report.

    Args:
        config: what to do.
        folder: a new folder, or one of the same subjects and backbone to continue.
        device: "cpu", "cuda", ..., or "auto" for the best at hand.
        until: the last of ``STAGES`` to run; the report is written after "evaluate".
        rights: whether the user says that photos which look protected, or noisy, may be cleaned and trained on; the run records it.

    Returns:
        The typed paths of the run.
    """
    device, subjects, backbone, seed = resolved_device(device), config.subjects, config.backbone, config.seed
    tools, console = Tools(backbone, device, seed), Console(stderr=True, highlight=False)
    with open_run(config, Path(folder), device) as here:
        config = defended(config, look(here, subjects, tools, config.inspect))
        stages = {
            "purify": lambda: purify_stage(here, config.purify, subjects, tools, config.inspect, rights),
            "caption": lambda: caption_stage(here, config.caption, subjects, backbone),
            "regularize": lambda: regularize_stage(here, config.prior_set(), subjects, backbone, seed, device),
            "train": lambda: train_stage(here, config.training(), subjects, backbone, seed, device),
            "generate": lambda: generate_stage(here, config.generate, subjects, backbone, device),
            "evaluate": lambda: evaluate_stage(here, config.evaluate, subjects, backbone.facts(), device),
        }
        for number, name in enumerate(STAGES[: STAGES.index(until) + 1], start=1):
            console.print(f"[bold]{number}/6 {name}[/bold]")
            if not stages[name]():
                console.print("  complete already")
            tools.memory.clear()  # what purify loaded is not needed by training, which fills the memory
        if until == STAGES[-1]:
            write_report(here, config)
    return here
