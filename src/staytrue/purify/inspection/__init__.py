"""What each photo is like, before anything is done to it: signs of a protection, of noise, of compression, of blur.

Reads photos and, as deep as the settings allow, what the backbone and its CLIP make of them; returns a plain verdict a photo
with the reason. Measures are numbers with one meaning (``measures.py``); what is ordinary lies in one file (``limits.json``).
"""

from staytrue.purify.inspection.config import Inspect

__all__ = ["Inspect"]
