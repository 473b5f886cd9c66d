"""Which checkpoints are scored, so that choosing stays cheap: its cost is counted in rows through the denoiser.

Counted of training is what every recipe has at least: each row forward and backward. Passes of the frozen model, further texts and
the optimizer only make training longer, and so the share of choosing smaller than what is said here. Not counted of choosing are
its CLIP, a hundredth of a row a picture (on the miniature a tenth), and what is read and written; the manifest has the seconds.
"""

from __future__ import annotations

from staytrue.errors import ConfigError
from staytrue.objectives.composed import Composed
from staytrue.train.config import Train
from staytrue.train.every import steps_of

LIMIT = 0.15  # of the time of training
TRAINED, TRAINED_FULL = 2, 3  # forward, and backward to the inputs; and where all weights train, backward to those
DECODED = 3  # what decoding a picture costs, in rows: of Stable Diffusion 1.x 3.1, of the miniature 1.0


def scored_steps(train: Train, subjects: int) -> tuple[int, ...]:
    """After which steps a checkpoint is scored: every so many as ``select.every`` says, or as often as ``LIMIT`` allows.

    Args:
        train: the settings, with ``select``.
        subjects: how many the run has.

    Raises:
        ConfigError: there would be one checkpoint, and so nothing to choose from, or more of them would cost too much.
    """
    assert train.select is not None
    field = "select.every" if train.select.every else "checkpoint_every"
    said = train.select.every or train.checkpoint_every
    first = steps_of(said)
    every = first if first < train.steps else max(1, train.steps // 4)
    plans = [(*range(n, train.steps, n), train.steps) for n in range(every, train.steps, every)]
    if train.select.every and first < train.steps:
        return plans[0]
    plan = next((plan for plan in plans if cost_share(train, subjects, plan) < LIMIT), None)
    if plan is None:
        # when the first of two is scored changes nothing
        share = cost_share(train, subjects, (train.steps, train.steps))
        enough = max(first, int(train.steps * share / LIMIT)) + 1
        raise ConfigError(
            f"train.select: to score two checkpoints would take {share:.1%} of the time of training, and it stays below"
            f" {LIMIT:.0%}; train for {enough} steps or more (train.steps), draw less (train.select.prompts,"
            " train.select.sampling.steps), or say how often all the same (train.select.every)"
        )
    if first >= train.steps:
        raise ConfigError(
            f"train.select has nothing to choose from: train.{field} is {said}, and train.steps {train.steps}, so the last"
            f" checkpoint is the only one; set train.{field} to {every} steps or so, or train.select=null"
        )
    return plan


def cost_share(train: Train, subjects: int, scored: tuple[int, ...]) -> float:
    """What drawing costs beside training: the most that it can be, wherever training ends.

    With d rows drawn for a candidate, and r rows trained a step, choosing among the first k checkpoints, of which the last is after
    step s_k, costs (1 + k) d / (s_k r), the base model's pictures included.
    """
    assert train.select is not None
    select, sampling = train.select, train.select.sampling
    drawn = select.pictures(subjects) * (sampling.steps * (2 if sampling.guidance > 1 else 1) + DECODED)
    class_rows = train.class_rows if "class_rows" in Composed(train.objectives).needs() else 0
    rows = train.accumulation * (train.batch + class_rows)
    trained = rows * (TRAINED_FULL if train.adapter.name == "full" else TRAINED)
    soonest = len(scored) if select.patience is None else min(select.patience + 1, len(scored))
    return max((1 + k) * drawn / (scored[k - 1] * trained) for k in range(soonest, len(scored) + 1))


def cost_line(train: Train, subjects: int) -> str:
    """One line such as "choosing: 4 pictures after every 200 steps, at most 8.4 % of the time of training (by count)"."""
    assert train.select is not None
    scored = scored_steps(train, subjects)
    share = 100 * cost_share(train, subjects, scored)
    pictures = train.select.pictures(subjects)
    return f"choosing: {pictures} pictures after every {scored[0]} steps, at most {share:.1f} % of the time of training (by count)"
