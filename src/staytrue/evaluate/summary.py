"""The table of a run: mean and interval per metric, model and reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from staytrue.evaluate.reduce import bootstrap
from staytrue.types import Picture, Score


def summarize(scores: Sequence[Score], pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """One row per (metric, against, model), over all subjects, in the order of the scores.

    The bootstrap draws prompts, of one subject each: pictures of one prompt are not independent.
    """
    about = {p.file: p for p in pictures}
    groups: dict[tuple[str, str, str], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.metric, score.against, about[score.file].model), []).append(score)
    rows = []
    for (metric, against, model), members in groups.items():
        prompts = [(about[s.file].subject, about[s.file].prompt_plain) for s in members]
        interval = bootstrap([s.value for s in members], prompts)
        rows.append(
            {"metric": metric, "against": against, "model": model, "judge": members[0].judge} | asdict(interval)
        )
    return rows
