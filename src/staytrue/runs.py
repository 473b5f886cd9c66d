"""A run on disk: the only code that builds its paths, and the rules that make it safe to stop at any moment.

Every write goes to a temporary name and is renamed. A stage's ``manifest.json`` is written last: its presence, with the key
it was made under, means the stage is complete and need not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, TypeAdapter

from staytrue.errors import ConfigError, DamagedFileError


@dataclass(frozen=True)
class RunFolder:
    """Typed paths of one run.

    Args:
        root: the folder, such as ``runs/my-dog``.
    """

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.json"

    @property
    def purified(self) -> Path:
        return self.root / "1-purified"

    @property
    def inspection(self) -> Path:
        """What the photos were found to be like before anything was done to them."""
        return self.purified / "inspection.json"

    @property
    def cleaning(self) -> Path:
        """What the purifier changed, photo by photo."""
        return self.purified / "cleaning.json"

    @property
    def lock(self) -> Path:
        """Held while a process works in the run."""
        return self.root / ".lock"

    @property
    def rights(self) -> Path:
        """Who said, and when, that photos which look protected or noisy may be cleaned; outside every stage: none clears it."""
        return self.root / "rights.json"

    @property
    def captions(self) -> Path:
        return self.root / "2-captions"

    @property
    def regularization(self) -> Path:
        return self.root / "3-regularization"

    @property
    def training(self) -> Path:
        return self.root / "4-training"

    @property
    def images(self) -> Path:
        return self.root / "5-images"

    @property
    def scores(self) -> Path:
        return self.root / "6-scores"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def model(self) -> Path:
        """The take-away: a diffusers folder, or LoRA safetensors, with its model card."""
        return self.training / "model"

    @property
    def class_image_store(self) -> Path:
        """Content-addressed class images, shared by every run beside this one: where it is, not where a link to it is."""
        return self.root.resolve().parent / "class-images"


def make_folder(folder: Path) -> None:
    """Makes the folder that a command writes into. Raises ``ConfigError`` where there can be none, such as at a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: no folder can be made there ({error.strerror}); name another with --out"
        ) from None


@contextmanager
def locked(file: Path, timeout_s: float = -1) -> Iterator[None]:
    """Keeps other processes out; raises ``filelock.Timeout`` where one is in it for longer than that. Negative waits for good.

    The lock ends with the process, however it ends. Where the file system has none, nobody is kept out.
    """
    lock = FileLock(file, timeout=timeout_s)
    with suppress(NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a crash, sees the old one or the new one, never half of it."""
    with whole(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """``write_bytes`` for what writes a file itself: the name to write to. What fails, as on a full disk, leaves nothing there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """``write_bytes`` for text, in UTF-8; what is none, in the names of old files, is spelled out."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """``write_text`` of indented JSON with sorted keys; dataclasses, models and paths are converted."""
    write_text(path, json.dumps(_plain(value), indent=2, sort_keys=True) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """One JSON object a line, in the order given."""
    write_text(path, "".join(json.dumps(_plain(row), sort_keys=True) + "\n" for row in rows))


def read_json(path: Path) -> Any:
    """The value of a JSON file. Raises ``DamagedFileError``."""
    with _damaged(path):
        return json.loads(path.read_text())


def read_jsonl(path: Path, row_type: type | None = None) -> list[Any]:
    """The rows of a JSON-lines file, as ``row_type`` where one is given. Raises ``DamagedFileError``."""
    with _damaged(path):
        rows = [json.loads(line) for line in path.read_text().splitlines() if line]
        return rows if row_type is None else TypeAdapter(list[row_type]).validate_python(rows)  # type: ignore[valid-type]


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """Names the file that cannot be read as what it is."""
    try:
        yield
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise DamagedFileError(
            f"{path} is damaged ({reason}); put it back, or delete it: the command that wrote it writes it again"
        ) from None


def fingerprint(value: Any) -> str:
    """A stable hash of a JSON-like value, dataclass or model, or of a file's content when given a ``Path`` to one."""
    if isinstance(value, Path) and value.is_file():
        return hashlib.sha256(value.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()


def manifest_key(folder: Path) -> str:
    """The key under which a stage's folder was completed; empty when it was not. Raises ``ConfigError`` for another's manifest."""
    manifest = folder / "manifest.json"
    try:
        return str(read_json(manifest)["key"]) if manifest.is_file() else ""
    except (ValueError, LookupError, TypeError):
        raise ConfigError(
            f"{manifest} is not one of Staytrue's; move it elsewhere, or name another folder with --out"
        ) from None


def manifest_inputs(folder: Path) -> dict[str, Any]:
    """What a complete folder was made from; empty where it is not complete."""
    return dict(read_json(folder / "manifest.json")["inputs"]) if manifest_key(folder) else {}


def is_complete(folder: Path, inputs: Any, mends: bool = True) -> bool:
    """Whether ``run_stage`` has nothing to do there."""
    return manifest_key(folder) == fingerprint(inputs) and not (mends and _lost(folder))


def run_stage(
    folder: Path,
    inputs: Any,
    work: Callable[[Path], dict[str, Any] | None],
    mends: bool = True,
    scratch: str = "-",
) -> bool:
    """Runs one stage unless its folder is complete for these inputs.

    Args:
        folder: the stage's folder; made if absent. What an interrupted run left there stays: the work resumes from it.
        inputs: everything the outcome depends on (section of the config, keys of earlier stages, files' fingerprints).
        work: does the stage's work inside ``folder`` and may return facts for the manifest; "outputs" among them are the files that
            are the stage's, else all that lie there are, but for hidden ones: a file manager's, or what a killed write left.
        mends: whether the work runs again where files that it wrote are gone.
        scratch: a folder inside of what only an interrupted run needs: it goes once the manifest is there, and never before.

    Returns:
        True if the work ran, False if it was skipped.
    """
    if is_complete(folder, inputs, mends):
        shutil.rmtree(folder / scratch, ignore_errors=True)  # of a run that was killed before it could
        return False
    key = fingerprint(inputs)
    make_folder(folder)
    (folder / "manifest.json").unlink(missing_ok=True)
    started = time.monotonic()
    facts = work(folder) or {}
    duration_s = round(time.monotonic() - started, 3)
    names = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    outputs = sorted(n.as_posix() for n in names if n.parts[0] != scratch and not n.name.startswith("."))
    write_json(
        folder / "manifest.json", {"key": key, "inputs": inputs, "duration_s": duration_s, "outputs": outputs, **facts}
    )
    shutil.rmtree(folder / scratch, ignore_errors=True)
    return True


def _lost(folder: Path) -> bool:
    """Whether a complete folder lacks a file that its manifest lists."""
    return not all((folder / name).is_file() for name in read_json(folder / "manifest.json")["outputs"])


def _plain(value: Any) -> Any:
    """JSON-like copy of a value that may hold dataclasses, pydantic models, paths, tuples and sets."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(v) for v in value)
    return str(value) if isinstance(value, Path) else value
