"""A whole run: six calls and a report. The first file to read.

Each stage reads the folder before it and writes its own; one whose manifest matches its settings and inputs is skipped. So to
resume a run, or to change its prompts after training, call this again.
"""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console

import staytrue
from staytrue.caption.stage import caption_stage
from staytrue.config import RunConfig, parse, values_of
from staytrue.errors import ConfigError, ResumeError
from staytrue.evaluate.report import write_report
from staytrue.evaluate.stage import evaluate_stage
from staytrue.generate.stage import generate_stage
from staytrue.purify.stage import purify_stage
from staytrue.regularize.stage import regularize_stage
from staytrue.runs import RunFolder, read_json, write_json
from staytrue.train.stage import train_stage

STAGES = ("purify", "caption", "regularize", "train", "generate", "evaluate")
PACKAGES = ("torch", "diffusers", "transformers", "peft", "safetensors", "numpy", "pillow")


def run(config: RunConfig, folder: Path | str, device: str = "auto", until: str = "evaluate") -> RunFolder:
    """Personalizes ``config.subjects`` inside ``folder``, from photos to a report.

    Args:
        config: what to do.
        folder: a new folder, or one of the same subjects and backbone to continue.
        device: "cpu", "cuda", ..., or "auto" for the best at hand.
        until: the last of ``STAGES`` to run; the report is written after "evaluate".

    Returns:
        The typed paths of the run.
    """
    here, device = open_run(config, Path(folder), device), resolved_device(device)
    subjects, backbone, seed = config.subjects, config.backbone, config.seed
    stages = {
        "purify": lambda: purify_stage(here, config.purify, subjects),
        "caption": lambda: caption_stage(here, config.caption, subjects, backbone),
        "regularize": lambda: regularize_stage(here, config.regularize, subjects, backbone, seed, device),
        "train": lambda: train_stage(here, config.train, subjects, backbone, seed, device),
        "generate": lambda: generate_stage(here, config.generate, subjects, backbone, device),
        "evaluate": lambda: evaluate_stage(here, config.evaluate, subjects, backbone.facts()),
    }
    console = Console(stderr=True)
    for number, name in enumerate(STAGES[: STAGES.index(until) + 1], start=1):
        console.print(f"[bold]{number}/6 {name}[/bold]")
        stages[name]()
    if until == STAGES[-1]:
        write_report(here, config)
    return here


def open_run(config: RunConfig, folder: Path, device: str) -> RunFolder:
    """Makes the run's folder, or checks that it may be continued, and saves ``config.json``.

    Raises:
        ConfigError: the configuration has no subject.
        ResumeError: the folder holds a run of other subjects or of another backbone.
    """
    if not config.subjects:
        raise ConfigError("subjects: a run needs at least one")
    here = RunFolder(folder)
    if here.config.is_file():
        _refuse_another(config, saved_config(folder), folder)
    facts = {"config": values_of(config), "device": device, "commit": _commit(), "versions": _versions()}
    write_json(here.config, facts)
    return here


def saved_config(folder: Path) -> RunConfig:
    """The configuration a run folder was last run with."""
    file = RunFolder(folder).config
    if not file.is_file():
        raise ConfigError(f"{folder} is not a run folder: it has no {file.name}; `staytrue run PHOTOS ...` makes one")
    return parse(read_json(file)["config"])


def resolved_device(device: str) -> str:
    """ "auto" becomes "cuda" where there is one, else "cpu"; another name stays. Raises ``ConfigError`` for an absent one."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"--device {device}: not usable here ({str(error).splitlines()[0]})") from None
    return device


def unknown_words(config: RunConfig) -> list[str]:
    """Words of the subjects and prompts that the backbone's vocabulary lacks, in order; none where it has no list."""
    facts = config.backbone.facts()
    if facts.vocabulary is None:
        return []
    texts = [subject.phrase for subject in config.subjects] + config.generate.texts(config.subjects, facts)
    words = [word.strip(".,;:!?\"'()").lower() for text in texts for word in text.split()]
    return [word for word in dict.fromkeys(words) if word and word not in facts.vocabulary]


def _refuse_another(config: RunConfig, saved: RunConfig, folder: Path) -> None:
    for section in ("subjects", "backbone"):
        if getattr(saved, section) != getattr(config, section):
            raise ResumeError(
                f"{folder} holds a run with other {section}:\n  there: {getattr(saved, section)}\n"
                f"  asked: {getattr(config, section)}\nName another folder with --out, or delete this one."
            )


def _versions() -> dict[str, str]:
    found = {"staytrue": staytrue.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _commit() -> str | None:
    """The git commit of Staytrue's own source tree; None where it runs from an installed package."""
    home = Path(__file__).parents[2]
    if not (home / ".git").exists():
        return None
    answer: Any = subprocess.run(["git", "rev-parse", "HEAD"], cwd=home, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
