"""What every adapter looks like: it decides which numbers are trained, and how they travel."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from staytrue.backbones.base import LoadedBackbone


class Adapter(Protocol):
    """A component that makes parts of a backbone trainable.

    Attributes:
        file: of its export, by which a folder is known for its own.
    """

    file: ClassVar[str]

    @property
    def name(self) -> str:
        """Its name in configuration."""
        ...

    @property
    def trains(self) -> frozenset[str]:
        """The groups that ``attach`` will return."""
        ...

    @property
    def trains_text(self) -> bool:
        """Whether it moves what a text is encoded to, so that encoded texts must not be kept."""
        ...

    def attach(
        self,
        backbone: LoadedBackbone,
        identifiers: Sequence[str] = (),
        keep_base: bool = False,
        nouns: Sequence[str] = (),
    ) -> dict[str, list[nn.Parameter]]:
        """Makes the backbone trainable.

        Args:
            backbone: loaded and frozen; changed in place.
            identifiers: of the subjects, whose token rows are trained where the adapter trains such.
            keep_base: whether ``frozen`` will be asked for.
            nouns: class nouns of the identifiers, in the same order, for rows that start from them.

        Returns:
            Groups of parameters by name: "denoiser", "text_encoder", "token". Nothing else requires a gradient.
        """
        ...

    def state(self, backbone: LoadedBackbone) -> dict[str, Tensor]:
        """The trained tensors by name, live, in the order of the groups of ``attach``."""
        ...

    def load_state(self, backbone: LoadedBackbone, state: dict[str, Tensor]) -> None:
        """Copies what ``state`` returned back into an attached backbone."""
        ...

    def frozen(self, backbone: LoadedBackbone) -> AbstractContextManager[Any]:
        """Inside it the backbone predicts and encodes as the untrained base, without gradient."""
        ...

    def export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Writes what a user takes away, in the format that stock diffusers loads."""
        ...

    def load_export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Turns a freshly loaded backbone into the exported model."""
        ...


class Trained:
    """What every adapter's state is: the tensors that train, wherever ``attach`` put them."""

    @property
    def trains_text(self: Adapter) -> bool:
        """Whether encoded texts change while training: a token row is text, too."""
        return bool(self.trains & {"text_encoder", "token"})

    def state(self, backbone: LoadedBackbone) -> dict[str, Tensor]:
        """The trained tensors, live."""
        from staytrue.adapters.trained import trained_tensors

        return trained_tensors(backbone)

    def load_state(self, backbone: LoadedBackbone, state: dict[str, Tensor]) -> None:
        """Copies them back."""
        from staytrue.adapters.trained import load_tensors

        load_tensors(backbone, state)
