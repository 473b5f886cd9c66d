"""The list of metrics."""

from staytrue.evaluate.clip_i import ClipI
from staytrue.evaluate.clip_t import ClipT
from staytrue.evaluate.dino import Dino
from staytrue.evaluate.face import Face
from staytrue.registry import Registry

METRICS = Registry("metrics", Dino, ClipI, ClipT, Face)
