"""Stage 2. Reads ``1-purified/``; writes ``2-captions/captions.jsonl``, one row per photo.

Why: what a caption names, the identifier need not carry. "a olis backpack on a rock" leaves the rock out of what is
    learned as
``olis``; the identifier always stands directly before the class noun.
"""

from staytrue.caption.background import Background
from staytrue.caption.base import Captioner
from staytrue.caption.blip import Blip
from staytrue.caption.sidecar import Sidecar
from staytrue.caption.template import Template
from staytrue.registry import Registry

CAPTIONERS: Registry[Captioner] = Registry("captioners", Template, Sidecar, Background, Blip)

__all__ = ["CAPTIONERS", "Captioner"]
