"""The tables of a run: mean and interval per metric, model and reference, over all subjects and for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from staytrue.evaluate.reduce import bootstrap
from staytrue.types import Picture, Score


def summarize(scores: Sequence[Score], pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """One row per (metric, against, model), over all subjects, in the order of the scores.

    The bootstrap draws prompts, of one subject each: pictures of one prompt are not independent. Pictures that show two subjects
    are left out, unless there are no others: a picture of two is never as like one of them as a picture of one.
    """
    about = {p.file: p for p in pictures}
    alone = [score for score in scores if not about[score.file].others]
    return _rows(alone or scores, about)


def summarize_casts(scores: Sequence[Score], pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """The same apart for each subject, and for every two that are in one picture; empty where the run has one subject.

    Each row says by ``cast`` whose pictures it is about ("my-dog", "my-dog + my-cat") and, where those show two, by ``of`` whose
    photos they were compared with.
    """
    about = {p.file: p for p in pictures}
    casts = list(dict.fromkeys(p.subjects for p in pictures))
    if len(casts) < 2:
        return []
    tables = {cast: [s for s in scores if about[s.file].subjects == cast] for cast in casts}
    return [
        {"cast": " + ".join(cast)} | row
        for cast, members in tables.items()
        for row in _rows(members, about, len(cast) > 1)
    ]


def _rows(scores: Sequence[Score], about: dict[str, Picture], by_subject: bool = False) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str, str], list[Score]] = {}
    for score in scores:
        of = score.subject if by_subject else ""
        groups.setdefault((score.metric, score.against, about[score.file].model, of), []).append(score)
    rows = []
    for (metric, against, model, of), members in groups.items():
        prompts = [(about[s.file].subjects, about[s.file].asked) for s in members]
        interval = bootstrap([s.value for s in members], prompts)
        said = {"metric": metric, "against": against, "model": model, "judge": members[0].judge}
        rows.append(said | ({"of": of} if by_subject else {}) | asdict(interval))
    return rows
