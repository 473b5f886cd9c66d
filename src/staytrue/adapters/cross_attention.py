"""Custom Diffusion: keys and values of the cross-attention, and a token row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from staytrue.adapters.base import Trained
from staytrue.errors import ConfigError
from staytrue.registry import component

if TYPE_CHECKING:
    from torch import Tensor, nn

    from staytrue.backbones.base import LoadedBackbone

FILE = "pytorch_custom_diffusion_weights.safetensors"
PARTS = ("to_k", "to_v")
RELEASED = ("ktn", "pll", "ucd")


@component
class CrossAttention(Trained):
    """Trains W_k and W_v of every cross-attention, which alone see the text, and the identifier's token row.

    K = W_k c, V = W_v c, attention = softmax(Q K^T / sqrt(d)) V        with c the encoded text

    Source: Kumari et al. 2023 (arXiv 2212.04488), section 3.1 and equation 3; the token starts from a word that occurs rarely
        (section 3.2), in the released code "ktn", for two and three subjects "pll" and "ucd". That code looks these up as
        entries of the vocabulary, so they are the beginnings of longer words (42170, 47629, 44746 of CLIP's); so do we.
    As its released code, and not said in the paper: no gradient flows through key and value of the first text token.
    Differs: the row is a parameter of its own without weight decay; released scripts train the whole table and zero the other
        rows' gradients, while AdamW's decay still shrinks every row. The identifier need not be new: a word such as "sks" is
        given a row of its own.
    Known to fail: two subjects of one class, such as a dog and a cat, merge when both are in one prompt (section 5).

    Args:
        initializers: the word each subject's row starts as, in the order of the subjects; empty keeps the identifier's own
            present row. Other words than the released three are read as in a prompt.
        detach_first: whether the gradient stops at the first text token, as released.
    """

    file: ClassVar[str] = FILE
    trains: ClassVar[frozenset[str]] = frozenset({"denoiser", "token"})

    name: Literal["cross_attention"] = "cross_attention"
    initializers: tuple[str, ...] = RELEASED
    detach_first: bool = True

    def attach(
        self,
        backbone: LoadedBackbone,
        identifiers: Sequence[str] = (),
        keep_base: bool = False,
        nouns: Sequence[str] = (),  # noqa: ARG002
    ) -> dict[str, list[nn.Parameter]]:
        """Unfreezes keys and values; copies them first where the base is needed."""
        from copy import deepcopy

        from staytrue.adapters.token_rows import attach_rows, starting_words

        starts, layers = starting_words(identifiers, self.initializers), list(_layers(backbone))
        if keep_base:
            backbone.base = {
                f"{name}.{part}": deepcopy(getattr(layer, part)) for name, layer in layers for part in PARTS
            }
        projections = [getattr(layer, part) for _, layer in layers for part in PARTS]
        for projection in projections:
            projection.requires_grad_()
            if self.detach_first:
                projection.register_forward_hook(_without_first_gradient)
        denoiser = [parameter for projection in projections for parameter in projection.parameters()]
        return {"denoiser": denoiser, "token": attach_rows(backbone, starts, RELEASED)}

    @contextmanager
    def frozen(self, backbone: LoadedBackbone) -> Iterator[None]:
        """Swaps the kept projections in."""
        import torch

        from staytrue.adapters.token_rows import untrained_rows

        layers = list(_layers(backbone))
        trained = {(name, part): getattr(layer, part) for name, layer in layers for part in PARTS}
        for name, layer in layers:
            for part in PARTS:
                setattr(layer, part, backbone.base[f"{name}.{part}"])
        try:
            with untrained_rows(backbone), torch.no_grad():
                yield
        finally:
            for name, layer in layers:
                for part in PARTS:
                    setattr(layer, part, trained[name, part])

    def export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Keys and values for ``load_attn_procs``, token rows for ``load_textual_inversion``.

        Diffusers' own ``save_attn_procs`` drops the self-attentions' empty entries when it writes safetensors, and cannot load
        what it wrote: there must be an entry for every attention. Tensors without elements say the same, and load.
        """
        from safetensors.torch import save

        from staytrue.adapters.token_files import export_rows
        from staytrue.runs import write_bytes

        trained = dict(_layers(backbone))
        tensors: dict[str, Tensor] = {}
        for key in backbone.unet.attn_processors:
            layer = trained.get(key.removesuffix(".processor"))
            if layer is None:
                tensors[key] = backbone.unet.conv_in.weight.new_zeros(0).cpu()
            else:
                tensors |= {f"{key}.{p}_custom_diffusion.weight": _weight(layer, p).contiguous() for p in PARTS}
        write_bytes(folder / FILE, save(tensors, {"format": "pt"}))
        export_rows(backbone, folder)

    def load_export(self, backbone: LoadedBackbone, folder: Path) -> None:
        """Writes keys and values into the layers, which diffusers' loader would put beside them."""
        import torch
        from safetensors.torch import load_file

        from staytrue.adapters.token_files import load_rows

        tensors = load_file(folder / FILE)
        with torch.no_grad():
            for name, layer in _layers(backbone):
                for part in PARTS:
                    weight = getattr(layer, part).weight
                    weight.copy_(tensors[f"{name}.processor.{part}_custom_diffusion.weight"])
        load_rows(backbone, folder)


def _layers(backbone: LoadedBackbone) -> Iterator[tuple[str, Any]]:
    """Every cross-attention of the denoiser, by name. Raises ``ConfigError`` where there is none."""
    found = [
        (name, layer)
        for name, layer in backbone.trainable_modules()["denoiser"].named_modules()
        if name.endswith("attn2") and hasattr(layer, "to_k")
    ]
    if not found:
        raise ConfigError(
            f"{backbone.facts.title} has no separate cross-attention for train.adapter.name=cross_attention; choose lora"
        )
    yield from found


def _weight(layer: Any, part: str) -> Tensor:
    return getattr(layer, part).weight.detach().cpu()


def _without_first_gradient(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:  # noqa: ARG001
    """The same numbers, without gradient at the first text token."""
    import torch

    return torch.cat([output[:, :1].detach(), output[:, 1:]], dim=1)
