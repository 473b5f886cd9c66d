"""A step with a one-layer network, for tests of objectives."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn

from staytrue.diffusion.ddpm import DDPM
from staytrue.diffusion.randomness import generator_for
from staytrue.objectives.base import Step
from staytrue.types import Caption, Subject

SUBJECT = Subject(name="dog", photos="photos", class_noun="dog", class_noun_vague="pet")
CUP = Subject(name="cup", photos="photos", class_noun="cup", identifier="sks")


class TinyPredictor(nn.Module):
    """A convolution plus the mean of the condition; its base is a copy with other weights."""

    def __init__(self, channels=2, width=3):
        super().__init__()
        self.live = nn.ModuleDict(
            {"conv": nn.Conv2d(channels, channels, 3, padding=1), "text": nn.Embedding(16, width)}
        )
        self.base = nn.ModuleDict(
            {"conv": nn.Conv2d(channels, channels, 3, padding=1), "text": nn.Embedding(16, width)}
        )
        self.base.requires_grad_(False)
        self.now, self.calls, self.asked = self.live, 0, []

    def predict(self, noised, condition):
        self.calls += 1
        return self.now["conv"](noised.x_t) + condition.mean((1, 2))[:, None, None, None]

    def encode_text(self, texts):
        self.asked += texts
        ids = torch.tensor([[sum(map(ord, word)) % 16 for word in (text.split() + [""] * 8)[:8]] for text in texts])
        return self.now["text"](ids)

    def pooled_text(self, texts, pooling="eos", identifiers=()):
        states = self.encode_text(texts)
        return states.mean(1) if pooling == "eos" else states[:, 4] + len(identifiers)

    def displacement(self):
        pairs = zip(self.live.parameters(), self.base.parameters(), strict=True)
        return sum((one - two).square().sum() for one, two in pairs)

    @contextmanager
    def frozen(self):
        self.now = self.base
        try:
            with torch.no_grad():
                yield
        finally:
            self.now = self.live


def make_step(process=None, roles=("subject", "class"), weights=None, seed=0, subjects=(SUBJECT,), **caption):
    """A step of random rows with the given roles; the subjects take turns."""
    process = process or DDPM(torch.linspace(0.999, 0.01, 1000))
    generator, count = generator_for(seed), len(roles)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        predictor = TinyPredictor()
    x0, noise = torch.randn(2, count, 2, 4, 4, generator=generator)
    noised = process.noise(x0, noise, process.sample_timesteps(count, generator))
    shown = tuple(subjects[i % len(subjects)] for i in range(count))
    captions = tuple(
        Caption(noun=s.class_noun, identifier=s.identifier if role == "subject" else "", **caption)
        for s, role in zip(shown, roles, strict=True)
    )
    texts = tuple(caption.render() for caption in captions)
    return Step(
        captions=captions,
        texts=texts,
        roles=tuple(roles),
        subjects=shown,
        everyone=tuple(subjects),
        weights=torch.tensor(weights or [1.0] * count),
        noised=noised,
        condition=predictor.encode_text(list(texts)),
        predictor=predictor,
        generator=lambda purpose: generator_for(seed, purpose),
    )


def with_class_words(step, **slots):
    """The step, its class rows' captions saying more than the class."""
    captions = tuple(
        replace(caption, **slots) if role == "class" else caption
        for caption, role in zip(step.captions, step.roles, strict=True)
    )
    texts = tuple(caption.render() for caption in captions)
    return replace(step, captions=captions, texts=texts, condition=step.predictor.encode_text(list(texts)))
