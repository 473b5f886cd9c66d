"""Cleaning a photo that may be protected is for those who may: asked once, and written into the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from staytrue.errors import ConfigError
from staytrue.runs import RunFolder, read_json, write_json

if TYPE_CHECKING:
    from staytrue.purify.inspection.inspect import Inspected

FLAG = "--i-have-the-rights"
STATEMENT = (
    "I took these photos, or their owner allows me to train on them and to remove what was added to prevent it; "
    "people in them agree."
)


def require_rights(run: RunFolder, guarded: Sequence[Inspected], stated: bool) -> None:
    """Checks, before photos that look protected, or noisy, are cleaned, that someone has said that they may be.

    What is said holds for the photos it was said of (by content), in this run, for good: ``rights.json``.

    Raises:
        ConfigError: it has not been said of all of them.
    """
    said = read_json(run.rights) if run.rights.is_file() else []
    covered = {sha for statement in said for sha in statement["photos"].values()}
    new = {row.file: row.sha256 for row in guarded if row.sha256 not in covered}
    if not new:
        return
    if not stated:
        raise ConfigError(
            f"{len(new)} of the photos to be cleaned look as if someone had protected them or added noise: "
            f'{", ".join(sorted(new))}\nIf this is true, say so once with {FLAG}: "{STATEMENT}"\n'
            "The run records it. Or train on them as they are: purify.name=none inspect.defense=[]"
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(run.rights, [*said, {"statement": STATEMENT, "at": now, "photos": new}])
