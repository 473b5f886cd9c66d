"""What a run's pictures are scored by, a second time: loops over single numbers, from the definitions (2208.12242, section 4.1)."""

import math
import random

import numpy as np
import pytest
import torch

from staytrue.evaluate import METRICS, Judged, bootstrap

PHOTOS = {"x": ("r1", "r2", "r3"), "y": ("r2",), "z": ("r1", "r3")}
PROMPTS = {"x": "a dog", "y": "a red dog", "z": "a blue dog"}


def raw(name, width=7):
    """An embedding of some length; float64."""
    return np.random.default_rng(sum(map(ord, name))).normal(size=width) * (1 + len(name))


class Encoder:
    """As the judges in memory: pictures and texts (here names) to rows of length one."""

    def images(self, names):
        rows = torch.tensor(np.stack([raw(name) for name in names]))
        return torch.nn.functional.normalize(rows, dim=-1)

    texts = images


def cosine(a, b):
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    return dot / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))


def scored(metric):
    pictures = [Judged(name, PROMPTS[name], photos) for name, photos in PHOTOS.items()]
    return METRICS.get(metric)()(Encoder(), pictures)


@pytest.mark.parametrize("metric", ["dino", "clip_i"])
def test_mean_over_all_photos_of_the_cosine(metric):
    expected = []
    for name, photos in PHOTOS.items():
        total = 0.0
        for photo in photos:
            total += cosine(raw(name), raw(photo))
        expected.append(total / len(photos))
    assert scored(metric) == pytest.approx(expected, abs=1e-12)


def test_cosine_with_the_prompt():
    assert scored("clip_t") == pytest.approx([cosine(raw(name), raw(PROMPTS[name])) for name in PHOTOS], abs=1e-12)


def naive_bootstrap(scores, groups, draw_group, draws):
    """Whole groups drawn with return, as many as there are; the mean of all their scores; t times the spread of the means."""
    names = []
    for group in groups:
        if group not in names:
            names.append(group)
    means = []
    for _ in range(draws):
        drawn = []
        for _ in names:
            chosen = names[draw_group(len(names))]
            drawn += [score for score, group in zip(scores, groups, strict=True) if group == chosen]
        means.append(sum(drawn) / len(drawn))
    center = sum(means) / len(means)
    spread = math.sqrt(sum((m - center) ** 2 for m in means) / len(means))
    half = STUDENT[len(names) - 1] * spread * math.sqrt(len(names) / (len(names) - 1))
    mean = sum(scores) / len(scores)
    return mean, mean - half, mean + half


STUDENT = {3: 3.1824, 7: 2.3646}  # degrees of freedom: 97.5 % quantile, from a printed table
SCORES = [0.31, 0.35, 0.30, 0.62, 0.60, 0.11, 0.93, 0.42]
GROUPS = ["a", "a", "a", "b", "b", "c", "d", "d"]


@pytest.mark.parametrize("groups", [GROUPS, None])
def test_interval_from_the_same_draws(groups):
    """The library's groups come from one table of numbers; read one by one, they give the same interval."""
    labels = groups or list(range(len(SCORES)))
    count = len(set(labels))
    table = iter(np.random.default_rng(5).integers(0, count, size=(2000, count)).ravel().tolist())
    expected = naive_bootstrap(SCORES, labels, lambda _: next(table), 2000)
    ours = bootstrap(SCORES, groups, seed=5)
    assert (ours.mean, ours.low, ours.high) == pytest.approx(expected, abs=1e-12)
    assert ours.n == len(SCORES)


def test_interval_from_other_draws():
    """Python's own generator; the ends of 2000 draws scatter by about a hundredth of the scores' range."""
    expected = naive_bootstrap(SCORES, GROUPS, random.Random(0).randrange, 2000)
    ours = bootstrap(SCORES, GROUPS)
    assert (ours.mean, ours.low, ours.high) == pytest.approx(expected, abs=0.03)
    assert ours.low < ours.mean < ours.high
