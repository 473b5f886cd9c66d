"""Backbones: all model-specific code, one family of models a file.

Reads a checkpoint (a diffusers folder, a hub id, a single .safetensors file, or the embedded miniature) and presents it in the
same terms as every other: latents, conditions, predictions, facts. Writes diffusers folders.
"""

from staytrue.backbones.base import Backbone, LoadedBackbone
from staytrue.backbones.sd import SD
from staytrue.registry import Registry

BACKBONES = Registry("backbones", SD)

__all__ = ["BACKBONES", "SD", "Backbone", "LoadedBackbone"]
