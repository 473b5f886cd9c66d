"""Drawing with a filter: what does not pass is drawn again from the next seed, and counted."""

from __future__ import annotations

from dataclasses import replace

from staytrue.images.metadata import read_png
from staytrue.regularize.base import Planned, another_seed
from staytrue.regularize.clip_filter import ClipFilter, LoadedFilter, Verdict
from staytrue.regularize.draw import Job, draw_missing, recipe

AT_ONCE = 32


def draw_filtered(job: Job, planned: list[Planned], chosen_by: ClipFilter) -> tuple[list[Planned], dict[str, int]]:
    """Draws every planned image until it passes, at most ``chosen_by.tries`` times, all that are left in one go each time.

    Each attempt is in the store under its own seed, so an interrupted set goes on where it was, and pictures that were
    dropped are found again, not drawn again, by the next set.

    Returns:
        The plan with the seeds that were kept, in its order, and two counts: pictures "dropped", and captions for which
        no attempt passed ("unfit"), whose best picture by class, then quality, is kept.
    """
    if not planned:
        return [], {"dropped": 0, "unfit": 0}
    judge = chosen_by.load(job.generator.facts(), job.device)
    judged: dict[int, list[tuple[Verdict, Planned]]] = {place: [] for place in range(len(planned))}
    for attempt in range(chosen_by.tries):
        left = [place for place, seen in judged.items() if not any(verdict.passes for verdict, _ in seen)]
        tried = [replace(planned[place], seed=another_seed(planned[place].seed, attempt)) for place in left]
        draw_missing(job, tried)
        for place, verdict, one in zip(left, _verdicts(job, tried, judge), tried, strict=True):
            judged[place].append((verdict, one))
    kept = [max(seen, key=_worth) for seen in judged.values()]
    attempts = sum(len(seen) for seen in judged.values())
    unfit = sum(not verdict.passes for verdict, _ in kept)
    return [one for _, one in kept], {"dropped": attempts - len(planned), "unfit": unfit}


def _verdicts(job: Job, planned: list[Planned], judge: LoadedFilter) -> list[Verdict]:
    """In order, a batch of pictures of one class at a time."""
    found: dict[Planned, Verdict] = {}
    for noun in dict.fromkeys(p.caption.noun for p in planned):
        mine = [p for p in planned if p.caption.noun == noun]
        for start in range(0, len(mine), AT_ONCE):
            group = mine[start : start + AT_ONCE]
            images = [read_png(job.store.picture(recipe(job, p))) for p in group]
            found |= zip(group, judge.verdicts(images, noun), strict=True)
    return [found[p] for p in planned]


def _worth(judged: tuple[Verdict, Planned]) -> tuple[bool, float, float]:
    verdict, _ = judged
    return verdict.passes, verdict.found, verdict.good
