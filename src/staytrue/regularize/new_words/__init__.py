"""Word pools for a new domain, asked of a language model: what `staytrue words` does. Never needed by default.

``questions.py`` has the paper's questions, a writer answers them, ``cleaning.py`` keeps what fits its slot, ``make.py`` saves a
folder that ``regularize.words`` takes.
"""

from staytrue.registry import Registry
from staytrue.regularize.new_words.endpoint import Endpoint
from staytrue.regularize.new_words.local import Local
from staytrue.regularize.new_words.writer import Writer

WRITERS: Registry[Writer] = Registry("word writers", Endpoint, Local)

__all__ = ["WRITERS", "Writer"]
