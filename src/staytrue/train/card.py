"""The model card: what a stranger needs to use the model, in the form that model hubs read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from staytrue.adapters import CrossAttention
from staytrue.grammar import with_article
from staytrue.train.config import Train
from staytrue.types import Facts, Subject, with_suffix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from staytrue.backbones import Backbone

HERE = "PATH/TO/THIS/FOLDER"
LOADS = {
    "lora": f'pipeline.load_lora_weights("{HERE}")\n',
    # without ``_pipeline`` diffusers 0.42 reads the file and changes nothing
    "cross_attention": f'pipeline.unet.load_attn_procs("{HERE}", weight_name="{CrossAttention.file}", _pipeline=pipeline)\n',
}
BESIDES = {"text_encoder": "text encoder", "token": "token row"}  # what an adapter may train beside the denoiser


@dataclass(frozen=True)
class Card:
    """What the card says.

    Args:
        base: what was personalized; its path is as the user named it.
        facts: of it.
        train: how.
        subjects: whom it knows; photos' paths stay private.
        seed: of the run.
        steps: updates that were made: fewer than asked for where training stopped early.
        tokens: of the files with token rows: identifier -> the word that stock pipelines know it by, and the file's name.
        chosen: the step whose weights these are, where a checkpoint was chosen (``train.select``).
    """

    base: Backbone
    facts: Facts
    train: Train
    subjects: Sequence[Subject]
    seed: int
    steps: int
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    chosen: int | None = None

    def render(self) -> str:
        """The card in Markdown with a YAML head."""
        adapter = self.train.adapter.name
        phrases = [self._phrase(subject) for subject in self.subjects]
        tags = [
            "text-to-image",
            "diffusers",
            "diffusers-training",
            "staytrue",
            "dreambooth",
            *([] if adapter == "full" else [adapter.replace("_", "-")]),
        ]
        head = [
            "---",
            f"base_model: {_quoted(str(self.base.path))}",
            "library_name: diffusers",
            f"instance_prompt: {_quoted('a photo of ' + _a(phrases[0]))}",
            "tags:",
            *(f"- {tag}" for tag in tags),
            "---",
        ]
        named = "\n".join(f"- `{phrase}`" for phrase in phrases)
        ending = self.train.class_suffix
        draw = f"image = pipeline({_quoted(with_suffix(f'{_a(phrases[0])} on the beach', ending))}).images[0]"
        ends = (
            f"It was taught what noise is called: end prompts with `{ending}` for pictures without.\n\n"
            if ending
            else ""
        )
        return "\n".join(head) + (
            f"\n\n# {', '.join(phrases)}\n\n"
            f"{self.facts.title}, personalized by Staytrue from a few photos of"
            f" {'one subject' if len(phrases) == 1 else f'{len(phrases)} subjects'}.\n\n"
            f"Write these words where you mean the subject:\n\n{named}\n\n{ends}```python\n{self._use()}{draw}\n```\n\n"
            f"## Training\n\n{self._table()}\n\n"
            "## Limits\n\nIt was trained on very few photos: what all of them share, background and pose too, may come along with"
            " the subject. Do not share a model of a person without that person's consent. The licence of the base model"
            " applies.\n"
        )

    def _phrase(self, subject: Subject) -> str:
        """What a stock pipeline calls the subject: "olis dog", or, where its token row travels in a file, "<olis> dog"."""
        word, _ = self.tokens.get(subject.identifier, (subject.identifier, ""))
        return f"{word} {subject.class_noun}"

    def _use(self) -> str:
        """How stock diffusers loads it."""
        name = self.train.adapter.name
        rows = [f'pipeline.load_textual_inversion("{HERE}", weight_name="{f}")\n' for _, f in self.tokens.values()]
        whole = f'pipeline = StableDiffusionPipeline.from_pretrained("{HERE}")\n'
        loaded = whole if name == "full" else self.base.stock_code()
        return f"from diffusers import StableDiffusionPipeline\n\n{loaded}{LOADS.get(name, '')}{''.join(rows)}"

    def _table(self) -> str:
        train = self.train
        terms = [(name, term) for name, term in sorted(train.objectives.items()) if term.weight]
        rows = {
            "adapter": self._adapter(),
            "objectives": ", ".join(f"{w.weight:g} x {w.objective.name} ({n})" for n, w in terms),
            "steps": f"{self.steps if self.chosen is None else self.chosen} of {train.batch * train.accumulation} subject and"
            f" {train.class_rows * train.accumulation} class rows"
            + ("" if self.chosen is None else f", chosen among the first {self.steps} by a held-out photo"),
            "learning rate": f"{train.learning_rate:g}",
            "prediction": self.facts.prediction,
            "resolution": f"{self.facts.resolution_px} px",
            "seed": str(self.seed),
        }
        return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())])

    def _adapter(self) -> str:
        """Its name, and what it trains besides: "lora, text encoder and token row too"."""
        name, trains = self.train.adapter.name, self.train.adapter.trains
        besides = [says for group, says in BESIDES.items() if {"denoiser", group} <= trains]
        return f"{name}, {' and '.join(besides)} too" if besides else name


def _a(phrase: str) -> str:
    return with_article(phrase, phrase.split()[0])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
