"""Textual inversion: one row of the token embedding, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from staytrue.adapters.base import Trained
from staytrue.adapters.token_files import TOKEN_FILE
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import nn

    from staytrue.backbones.base import LoadedBackbone


@component
class TextualInversion(Trained):
    """Trains the identifier's token row alone: a few kilobytes that leave every other word as it was.

    v* = argmin_v E |target - prediction(x_t, t, c(v))|^2

    Source: Gal et al. 2022 (arXiv 2208.01618), equation 2; the row starts as a coarse word for the subject (section 4.3).
    Differs: the released scripts train the whole table and put its other rows back after each step, so that weight decay and the
        optimizer's memory touch them; here the row is a parameter of its own, and has no weight decay.
    Known to fail: on what no text can say: a face, a logo; and it is slow, some 3,000 steps at 5e-4.

    Args:
        initializers: the word each subject's row starts as, in the order of the subjects; empty takes the class nouns. Of
            several words the last one counts: "teddy bear" starts as "bear".
    """

    file: ClassVar[str] = TOKEN_FILE
    trains: ClassVar[frozenset[str]] = frozenset({"token"})

    name: Literal["textual_inversion"] = "textual_inversion"
    initializers: tuple[str, ...] = ()

    def attach(
        self,
        backbone: LoadedBackbone,
        identifiers: Sequence[str] = (),
        keep_base: bool = False,  # noqa: ARG002
        nouns: Sequence[str] = (),
    ) -> dict[str, list[nn.Parameter]]:
        """Gives each identifier its row. The base row is kept beside it in any case."""
        from staytrue.adapters.token_rows import attach_rows, starting_words

        return {"token": attach_rows(backbone, starting_words(identifiers, self.initializers, nouns))}

    @contextmanager
    def frozen(self, backbone: LoadedBackbone) -> Iterator[None]:
        """The row as it was; a new token's, as it started."""
        import torch

        from staytrue.adapters.token_rows import untrained_rows

        with untrained_rows(backbone), torch.no_grad():
            yield

    def export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """``learned_embeds.safetensors`` for ``load_textual_inversion``, one file a subject."""
        from staytrue.adapters.token_files import export_rows

        export_rows(backbone, folder)

    def load_export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Writes the rows into the embedding."""
        from staytrue.adapters.token_files import load_rows

        load_rows(backbone, folder)
