"""Adapters: what is trained.

Reads a loaded backbone and makes part of it trainable; writes the take-away: a pipeline folder, or LoRA safetensors.
"""

from staytrue.adapters.base import Adapter
from staytrue.adapters.full import Full
from staytrue.adapters.lora import Lora
from staytrue.registry import Registry

ADAPTERS = Registry("adapters", Full, Lora)

__all__ = ["ADAPTERS", "Adapter", "Full", "Lora"]
