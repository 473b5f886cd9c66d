"""What every backbone looks like from above: model-specific code ends here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from staytrue.types import Facts, Pooling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from staytrue.diffusion.ddpm import DDPM
    from staytrue.diffusion.noised import Noised


@runtime_checkable
class Backbone(Protocol):
    """A component that names a checkpoint."""

    @property
    def name(self) -> str:
        """Tag of the component."""
        ...

    @property
    def path(self) -> str:
        """Folder, file, hub id, or "miniature"."""
        ...

    def facts(self) -> Facts:
        """What the checkpoint is, from its small files alone. Raises ``BackboneError`` where it cannot be used."""
        ...

    def stock_code(self) -> str:
        """Lines of Python that load it into ``pipeline`` with stock diffusers, as it was asked for; a model card shows them."""
        ...

    def load(self, device: str = "cpu", dtype: torch.dtype | None = None) -> LoadedBackbone:
        """Loads the weights. ``dtype`` None means float32."""
        ...


class LoadedBackbone(Protocol):
    """A backbone in memory. Latents are scaled to about unit variance everywhere outside it."""

    facts: Facts
    unet: Any
    text_encoder: Any
    tokenizer: Any
    vae: Any
    process: DDPM
    scheduler_config: dict[str, Any]
    base: dict[str, nn.Module]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Of the denoiser's weights."""
        ...

    def encode(self, images_pm1: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents of pictures in [-1, 1], differentiable in these."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures in about [-1, 1], differentiable in the latents."""
        ...

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Token states (rows, tokens, width)."""
        ...

    def pooled_text(self, texts: Sequence[str], pooling: Pooling = "eos", identifiers: Sequence[str] = ()) -> Tensor:
        """One feature per text (rows, width): its last layer's state, after the final norm, at one token.

        Args:
            texts: to encode.
            pooling: "eos": at the text's end. "released": at the token of the largest id, which is a newly added token and not
                the end where there is one, with the identifiers' position embeddings left out.
            identifiers: whose position embeddings "released" leaves out.
        """
        ...

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Token ids (rows, tokens) as ``encode_text`` reads them."""
        ...

    def encode_tokens(self, ids: Tensor, vectors: Mapping[int, Tensor] | None = None) -> Tensor:
        """Token states of ids; for some ids another vector (width,) is read than the embedding's row."""
        ...

    def token_vectors(self, ids: Tensor) -> Tensor:
        """The embedding's rows (tokens, width) of ids (tokens,)."""
        ...

    def predict(self, noised: Noised, condition: Tensor) -> Tensor:
        """The network's output for noised latents under encoded texts."""
        ...

    def trainable_modules(self) -> dict[str, nn.Module]:
        """What an adapter may touch, by name: "denoiser" and "text_encoder"."""
        ...

    def pipeline(self, solver: str = "ddim") -> Any:
        """A stock diffusers pipeline that shares these modules."""
        ...

    def save(self, folder: Path) -> None:
        """Writes a whole diffusers folder."""
        ...
