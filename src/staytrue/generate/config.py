"""The section ``generate`` of a run's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from staytrue.generate.prompts import default_prompts, fill, read_prompts
from staytrue.generate.sampling import Sampling
from staytrue.registry import component
from staytrue.types import Facts, Subject, with_suffix


@component
class Generate:
    """What is drawn once training is done.

    Attributes:
        prompts: a list, or a text file with one a line; ``{}`` stands for "<identifier> <class noun>". None draws
            about ten that suit the subject (living or not) and the backbone's vocabulary.
        images_per_prompt: how many pictures each prompt gets, from different seeds.
        seed: with the prompt and the picture's number it gives the picture's own seed, the same for base and
            personalized.
        sampling: solver, steps, guidance.
        suffix: what every prompt of the personalized model ends with, such as "without olis noisy pattern"; the plain prompt,
            which the base model draws and scores read, lacks it. Goes with ``sampling.negative`` in contrastive decoupling.
        base: whether the untrained model draws the same prompts, without the identifier, to stand beside.
    """

    prompts: tuple[str, ...] | Path | None = None
    images_per_prompt: int = Field(default=4, ge=1)
    seed: int = Field(default=0, ge=0)
    sampling: Sampling = Field(default_factory=Sampling)
    suffix: str = ""
    base: bool = True

    def templates(self, subject: Subject, facts: Facts) -> list[str]:
        """The prompts for one subject, ``{}`` not yet filled in."""
        return default_prompts(subject, facts) if self.prompts is None else read_prompts(self.prompts)

    def texts(self, subjects: Sequence[Subject], facts: Facts | None = None) -> list[str]:
        """Every prompt as it will be drawn.

        Without ``facts`` only those that the user wrote: the defaults follow the backbone.
        """
        if self.prompts is None and facts is None:
            return []
        templates = {s.name: self.templates(s, facts) if facts else read_prompts(self.prompts or ()) for s in subjects}
        filled = [fill(template, subject).text for subject in subjects for template in templates[subject.name]]
        return [with_suffix(text, self.suffix) for text in filled]
