"""Stage 3. Reads ``2-captions/``; writes ``3-regularization/samples.jsonl``, a contact sheet, and the shared store.

Why: a model trained on five photos forgets what its class is. Rows with the role "class", drawn by the model itself or
given by the user, are trained on beside the subject's rows. What differs between methods is only their captions.
"""

from staytrue.registry import Registry
from staytrue.regularize.base import Brief, Planned, PriorSet
from staytrue.regularize.class_prompt import ClassPrompt
from staytrue.regularize.folder import Folder
from staytrue.regularize.none import NoPriorSet
from staytrue.regularize.structured import Structured

PRIOR_SETS: Registry[PriorSet] = Registry("prior sets", NoPriorSet, ClassPrompt, Folder, Structured)

__all__ = ["PRIOR_SETS", "Brief", "Planned", "PriorSet"]
