"""The section ``generate`` of a run's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from pydantic import Field

from staytrue.errors import ConfigError
from staytrue.generate.guides import GUIDES
from staytrue.generate.prompts import OTHER, default_pair_prompts, default_prompts, fill, read_prompts
from staytrue.generate.sampling import Sampling
from staytrue.generate.subject_guidance import SubjectGuidance
from staytrue.generate.word_guidance import WordGuidance
from staytrue.registry import component
from staytrue.runs import RunFolder, read_json
from staytrue.types import Facts, Subject, with_suffix

Cast = tuple[Subject, ...]


@component
class LoraSource:
    """A LoRA that was trained elsewhere, to draw with.

    Attributes:
        path: a run of Staytrue, its ``4-training/model``, or a LoRA ``.safetensors`` file that diffusers reads.
        weight: multiplies its update, not the token rows beside it; 0 is as if neither were there.
    """

    path: Path
    weight: float = 1.0

    def place(self) -> Path:
        """The folder or file with the weights. Raises ``ConfigError`` where there are none."""
        from staytrue.adapters import Lora

        for folder in (self.path, RunFolder(self.path).model):
            if (folder / Lora.file).is_file():
                return folder
        if self.path.is_file():
            return self.path
        raise ConfigError(
            f"generate.loras: no {Lora.file} in {self.path}; name a run that was trained with train.adapter.name=lora, its"
            " folder 4-training/model, or a LoRA file"
        )

    def subjects(self) -> tuple[Subject, ...]:
        """Whom it knows, as the run that it lies in saved them; nobody where that cannot be told."""
        place = self.place().resolve()
        model = place if place.is_dir() else place.parent
        run, named = RunFolder(model.parent.parent), ("name", "photos", "class_noun", "identifier")
        if run.model != model or not run.config.is_file():
            return ()
        try:
            return tuple(Subject(**{n: one[n] for n in named}) for one in read_json(run.config)["config"]["subjects"])
        except (ValueError, LookupError, TypeError):  # settings of something else
            return ()


def _all_guides() -> dict[str, SubjectGuidance | WordGuidance]:
    return {"subject": SubjectGuidance(), "words": WordGuidance()}


@component
class Generate:
    """What is drawn once training is done.

    Attributes:
        prompts: a list, or a text file with one a line; ``{}`` stands for "<identifier> <class noun>". None draws
            about ten that suit the subject (living or not) and the backbone's vocabulary. A prompt with ``{other}`` too is
            drawn for every two subjects of the run, not for each; None has five of those.
        images_per_prompt: how many pictures each prompt gets, from different seeds.
        seed: with the prompt and the picture's number it gives the picture's own seed, the same for base and
            personalized.
        sampling: solver, steps, guidance.
        suffix: what every prompt of the personalized model ends with, such as "without olis noisy pattern"; the plain prompt,
            which the base model draws and scores read, lacks it. Goes with ``sampling.negative`` in contrastive decoupling.
        guides: what is added to the predictions for a subject; none has a weight unless it is given one. Previews and
            ``train.select`` draw without them.
        base: whether the untrained model draws the same prompts, without the identifier, to stand beside.
        concept: pictures of each subject's identifier by itself, and of it with the class noun: what the word has come to mean.
            They are in the report and never scored. The suffix, the negative prompt, TEA and guides are left out of
            them.
        loras: LoRAs of other trainings, drawn with beside this run's own model.
        lora_weight: of this run's own LoRA; as ``LoraSource.weight``.
    """

    prompts: tuple[str, ...] | Path | None = None
    images_per_prompt: int = Field(default=4, ge=1)
    seed: int = Field(default=0, ge=0)
    sampling: Sampling = Field(default_factory=Sampling)
    suffix: str = ""
    guides: dict[str, GUIDES.union()] = Field(default_factory=_all_guides)  # type: ignore[valid-type]
    base: bool = True
    concept: int = Field(default=4, ge=0)
    loras: tuple[LoraSource, ...] = ()
    lora_weight: float = 1.0

    def templates(self, subject: Subject, facts: Facts) -> list[str]:
        """The prompts for one subject alone, ``{}`` not yet filled in."""
        if self.prompts is None:
            return default_prompts(subject, facts)
        return [prompt for prompt in read_prompts(self.prompts) if OTHER not in prompt]

    def pair_templates(self, facts: Facts) -> list[str]:
        """The prompts for two subjects at once."""
        if self.prompts is None:
            return default_pair_prompts(facts)
        return [prompt for prompt in read_prompts(self.prompts) if OTHER in prompt]

    def casts(self, subjects: Sequence[Subject], facts: Facts) -> Iterator[tuple[Cast, list[str]]]:
        """Who is asked for with which prompts: each subject alone, then every two of them together.

        Raises:
            ConfigError: a prompt wants two subjects, and the run has one.
        """
        for subject in subjects:
            yield (subject,), self.templates(subject, facts)
        if len(subjects) > 1 or self.prompts is not None:
            pairs = self.pair_templates(facts)
            if pairs and len(subjects) < 2:
                raise ConfigError(f"generate.prompts: {pairs[0]!r} needs a second subject, and the run has one")
            yield from ((pair, pairs) for pair in combinations(subjects, 2) if pairs)

    def beside(self, subjects: Sequence[Subject]) -> tuple[Subject, ...]:
        """Whom the LoRAs beside the run's own know, as far as that can be told.

        Raises:
            ConfigError: there is no such LoRA, or two of them call their subjects by one word.
        """
        owners = {one.word: "this run" for one in subjects if self.lora_weight}
        found = [(source, one) for source in self.loras for one in source.subjects() if source.weight]
        for source, one in found:
            if one.word in owners:
                raise ConfigError(
                    f"generate.loras: {owners[one.word]} and {source.path} both call their subject {one.identifier!r}; train one"
                    " of them again with another --identifier"
                )
            owners[one.word] = str(source.path)
        return tuple(one for _, one in found)

    def guiding_texts(self, subjects: Sequence[Subject]) -> list[str]:
        """What guides with a weight ask beside the prompts."""
        named = [((subject.identifier, subject.class_noun),) for subject in subjects]
        return [text for one in self.guides.values() if one.weight for who in named for text in one.texts(who)]

    def texts(self, subjects: Sequence[Subject], facts: Facts | None = None) -> list[str]:
        """Every prompt as it will be drawn.

        Without ``facts`` only those that the user wrote: the defaults follow the backbone.
        """
        if facts is not None:
            filled = [fill(t, *cast).text for cast, templates in self.casts(subjects, facts) for t in templates]
            return [with_suffix(text, self.suffix) for text in filled]
        if self.prompts is None:
            return []
        alone = [prompt for prompt in read_prompts(self.prompts) if OTHER not in prompt]
        filled = [fill(template, subject).text for subject in subjects for template in alone]
        return [with_suffix(text, self.suffix) for text in filled]
