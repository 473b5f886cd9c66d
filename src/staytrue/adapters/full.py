"""Full fine-tuning: every weight of the denoiser, and of the text encoder if asked, as DreamBooth does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from staytrue.adapters.base import Trained
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import nn

    from staytrue.backbones.base import LoadedBackbone

ATTRIBUTES = {"denoiser": "unet", "text_encoder": "text_encoder"}


@component
class Full(Trained):
    """Trains the weights themselves. The result is a whole pipeline folder.

    Args:
        text_encoder: whether the text encoder is trained too.
        token: whether the identifier's token row is trained, as a parameter of its own.
        initializers: the word each subject's row starts as, in the order of the subjects; empty keeps the identifier's own
            present row, or the mean of its pieces where it becomes a new token.

    Source: DreamBooth (arXiv 2208.12242), section 3. Keeping the base for ``frozen`` costs a copy of what is trained.
    """

    file: ClassVar[str] = "model_index.json"

    name: Literal["full"] = "full"
    text_encoder: bool = False
    token: bool = False
    initializers: tuple[str, ...] = ()

    @property
    def trains(self) -> frozenset[str]:
        """The denoiser, and what is asked for besides."""
        return frozenset(["denoiser", *["text_encoder"] * self.text_encoder, *["token"] * self.token])

    def attach(
        self,
        backbone: LoadedBackbone,
        identifiers: Sequence[str] = (),
        keep_base: bool = False,
        nouns: Sequence[str] = (),  # noqa: ARG002
    ) -> dict[str, list[nn.Parameter]]:
        """Unfreezes the modules; copies them first where the base is needed."""
        from copy import deepcopy

        from staytrue.adapters.token_rows import attach_rows, starting_words

        modules, table = backbone.trainable_modules(), backbone.text_encoder.get_input_embeddings().weight
        token = attach_rows(backbone, starting_words(identifiers, self.initializers)) if self.token else []
        if keep_base:
            backbone.base = {name: deepcopy(modules[name]).requires_grad_(False) for name in self._trained()}
        # where a row of its own is trained, the table's other rows stay as they are: only the new row is the subject's
        kept = {id(p) for p in (*token, *([table] if token else []))}
        groups = {name: [p for p in modules[name].parameters() if id(p) not in kept] for name in self._trained()}
        for parameter in (p for group in groups.values() for p in group):
            parameter.requires_grad_()
        for name in self._trained():
            modules[name].train()
        return groups | ({"token": token} if token else {})

    @contextmanager
    def frozen(self, backbone: LoadedBackbone) -> Iterator[None]:
        """Swaps the kept copies in."""
        import torch

        from staytrue.adapters.token_rows import untrained_rows

        kept = {name: getattr(backbone, ATTRIBUTES[name]) for name in backbone.base}
        for name, module in backbone.base.items():
            setattr(backbone, ATTRIBUTES[name], module)
        try:
            with untrained_rows(backbone), torch.no_grad():
                yield
        finally:
            for name, module in kept.items():
                setattr(backbone, ATTRIBUTES[name], module)

    def export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """A diffusers pipeline folder; a trained token row is written into the embedding, a new token into the tokenizer."""
        from staytrue.adapters.token_rows import attached_rows

        encoder, rows = backbone.text_encoder, attached_rows(backbone.text_encoder)
        if rows is None:
            backbone.save(folder)
            return
        table, length = rows.merged(), encoder.config.vocab_size
        encoder.set_input_embeddings(table)
        encoder.config.vocab_size = len(table.weight)
        try:
            backbone.save(folder)
        finally:
            encoder.set_input_embeddings(rows)
            encoder.config.vocab_size = length

    def load_export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Takes denoiser, text encoder and new tokens from the folder."""
        tokenizer_class: Any = type(backbone.tokenizer)
        tokenizer = tokenizer_class.from_pretrained(folder, subfolder="tokenizer")
        if len(tokenizer) != len(backbone.tokenizer):
            backbone.tokenizer = tokenizer
        for name, module in backbone.trainable_modules().items():
            part = ATTRIBUTES[name]
            module_class: Any = type(module)
            loaded = module_class.from_pretrained(folder, subfolder=part, dtype=module.dtype)
            if part == "text_encoder":  # some tables are longer than their tokenizer, and hold a new token as they are
                module.resize_token_embeddings(loaded.config.vocab_size, mean_resizing=False)  # type: ignore[operator]
            module.load_state_dict(loaded.state_dict())

    def _trained(self) -> list[str]:
        return ["denoiser", "text_encoder"] if self.text_encoder else ["denoiser"]
