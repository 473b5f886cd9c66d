"""What happens before the first stage: what can be checked is (``checks``), and ``config.json`` is saved."""

from __future__ import annotations

import platform
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import Timeout
from rich.console import Console

import staytrue
from staytrue.checks import check, require_purifier, with_defense
from staytrue.config import RunConfig, parse, values_of
from staytrue.errors import ConfigError, ImageError, ResumeError, UnreadableRunError
from staytrue.evaluate.report import flattened
from staytrue.purify.inspection.inspect import Inspected
from staytrue.runs import RunFolder, locked, make_folder, read_json, write_bytes, write_json

PACKAGES = ("torch", "diffusers", "transformers", "peft", "safetensors", "numpy", "pillow")


@contextmanager
def open_run(config: RunConfig, folder: Path, device: str) -> Iterator[RunFolder]:
    """Makes the run's folder, or checks that it may be continued, saves ``config.json``, and keeps other processes out.

    Raises:
        StaytrueError: what ``check`` finds.
        ResumeError: the folder holds a run of other photos or, once training has begun, of subjects with other words (held-out
            photos aside) or of another backbone; or another process works in it. A run that is refused later leaves the
            settings that were there.
    """
    here = RunFolder(folder)
    if here.config.is_file():
        _refuse_another(config, saved_config(folder), here)
    check(config, here)
    if not (here.purified / "manifest.json").is_file():
        require_purifier(config)
    make_folder(folder)
    with _alone(here):
        before = here.config.read_bytes() if here.config.is_file() else None
        about = {"config": values_of(config), "device": device, "commit": commit(), "versions": versions()}
        write_json(here.config, about)
        try:
            yield here
        except (ResumeError, ConfigError, ImageError):  # else every later command would be refused, too
            if before is not None:
                write_bytes(here.config, before)
            raise


@contextmanager
def _alone(here: RunFolder) -> Iterator[None]:
    try:
        with locked(here.lock, timeout_s=0):
            yield
    except Timeout:
        raise ResumeError(
            f"{here.root}: another process is at work in this folder; wait for it, or name another folder with --out"
        ) from None


def defended(config: RunConfig, found: Sequence[Inspected]) -> RunConfig:
    """The settings with ``inspect.defense`` over them where most photos of a subject are suspect and no purifier was chosen.

    Args:
        config: as asked for.
        found: by the inspection.
    """
    suspect = Counter(row.subject for row in found if row.word == "suspect")
    photos = Counter(row.subject for row in found)
    attacked = [name for name, count in suspect.items() if 2 * count > photos[name]]
    if not attacked or not config.inspect.defense or config.purify.name != "none":
        return config
    console = Console(stderr=True, highlight=False)
    told = "\n".join(f"    {assignment}" for assignment in config.inspect.defense)
    console.print(
        f"  most photos of {', '.join(attacked)} look protected; over the settings (inspect.defense=[] prevents it):\n{told}",
        markup=False,
        soft_wrap=True,
    )
    return with_defense(config)


def saved_config(folder: Path) -> RunConfig:
    """The configuration a run folder was last run with.

    Raises:
        ConfigError: it is no run folder.
        UnreadableRunError: another version wrote it, with settings that this one does not have.
    """
    file = RunFolder(folder).config
    if not file.is_file():
        raise ConfigError(f"{folder} is not a run folder: it has no {file.name}; `staytrue run PHOTOS ...` makes one")
    try:
        values = read_json(file)["config"]
    except (ValueError, LookupError, TypeError):
        raise ConfigError(
            f"{folder} is not a run folder: its {file.name} is not one of Staytrue's; name a run, or a new folder for one"
        ) from None
    try:
        return parse(values)
    except ConfigError as error:
        raise UnreadableRunError(f"{file} is from another version of Staytrue:\n{error}") from None


def resolved_device(device: str) -> str:
    """The best device at hand for "auto", else the one named. Raises ``ConfigError`` where that cannot be used."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"--device {device}: not usable here ({str(error).splitlines()[0]})") from None
    return device


def versions() -> dict[str, str]:
    """Of Python, of Staytrue and of what a result depends on."""
    found = {"staytrue": staytrue.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def checkout() -> Path | None:
    """Staytrue's own source tree; None where it runs from an installed package."""
    home = Path(__file__).parents[2]
    return home if (home / ".git").exists() else None


def commit() -> str | None:
    """The git commit of Staytrue's own source tree; None where it runs from an installed package, or there is no git."""
    home = checkout()
    if home is None:
        return None
    try:
        answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=home, capture_output=True, text=True, check=False)
    except OSError:  # no git here
        return None
    return answer.stdout.strip() or None


def _refuse_another(config: RunConfig, saved: RunConfig, here: RunFolder) -> None:
    """Before anything was trained only other photos are refused: words may be mended, as the program advises at the start."""
    begun = here.training.exists()
    there, asked = _told_apart(saved, begun), _told_apart(config, begun)
    if there != asked or (begun and saved.backbone != config.backbone):
        section = "subjects" if there != asked else "backbone"
        old, new = (dict(flattened({section: values_of(one)[section]})) for one in (saved, config))
        pairs = {path: (old.get(path, "none"), new.get(path, "none")) for path in {**old, **new}}
        told = "".join(f"\n  {path}: {was} there, {now} asked" for path, (was, now) in pairs.items() if was != now)
        raise ResumeError(
            f"{here.root} holds a run with other {section}:{told}\nName another folder with --out, or delete this one."
        )


def _told_apart(config: RunConfig, begun: bool) -> list[object]:
    """What another run's subjects differ in; nobody trains on held-out photos."""
    return [one.model_copy(update={"heldout": None}) if begun else (one.name, one.photos) for one in config.subjects]
