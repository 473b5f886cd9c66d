"""Adapters: what is trained.

Reads a loaded backbone and makes part of it trainable; writes the take-away: a pipeline folder, or safetensors of a few kilo- or
megabytes that stock diffusers loads onto the base model.
"""

from staytrue.adapters.base import Adapter
from staytrue.adapters.cross_attention import CrossAttention
from staytrue.adapters.full import Full
from staytrue.adapters.lora import Lora
from staytrue.adapters.textual_inversion import TextualInversion
from staytrue.registry import Registry

# an export is told by its file: token rows come beside LoRA and cross-attention, so textual inversion is asked last
ADAPTERS: Registry[Adapter] = Registry("adapters", Full, Lora, CrossAttention, TextualInversion)

__all__ = ["ADAPTERS", "Adapter", "CrossAttention", "Full", "Lora", "TextualInversion"]
