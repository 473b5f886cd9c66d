"""Where a denoiser looks: its cross-attention, read while it predicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn


def attention_to_tokens(denoiser: nn.Module, predict: Callable[[], object]) -> Float[Tensor, "rows tokens"]:
    """The probability with which places of the picture look at each token of the text.

    Formula: the mean of softmax(q k^T / sqrt(d)) over all cross-attentions, their heads, and all places of the latent.

    Args:
        denoiser: whose cross-attentions are diffusers' ``Attention``, with or without LoRA.
        predict: one pass of it, in which every row has a text of its own; its result is not read.

    Returns:
        Rows that sum to 1, in float32.

    Raises:
        ValueError: the denoiser has no such layers, or the pass did not reach any.
    """
    import torch
    from diffusers.models.attention_processor import Attention

    layers = [m for m in denoiser.modules() if isinstance(m, Attention) and m.is_cross_attention]
    seen: list[Tensor] = []
    hooks = [hook for layer in layers for hook in _watched(layer, seen)]
    try:
        with torch.no_grad():
            predict()
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise ValueError("no cross-attention was passed through, so there is nothing to look at")
    return torch.stack(seen).mean(dim=0)


def _watched(layer: Any, seen: list[Tensor]) -> list[Any]:
    queries: list[Tensor] = []

    def asked(module: nn.Module, given: Any, query: Tensor) -> None:  # noqa: ARG001
        queries.append(query)

    def answered(module: nn.Module, given: Any, key: Tensor) -> None:  # noqa: ARG001
        q, k = (x.float().unflatten(-1, (layer.heads, -1)).transpose(1, 2) for x in (queries.pop(), key))
        seen.append((q @ k.transpose(-1, -2) * layer.scale).softmax(dim=-1).mean(dim=(1, 2)))

    return [layer.to_q.register_forward_hook(asked), layer.to_k.register_forward_hook(answered)]
