"""What pictures of a prompt should look like, where somebody knows: the miniature's world can draw its subjects in red."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from safetensors import safe_open

from staytrue.bench.subjects import HOME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy import ndarray

FILE = HOME / "ideal.safetensors"


def named(conditions: Mapping[str, str]) -> str:
    """Conditions as one key, whatever their order: "background=on a purple rug; color=red"."""
    return "; ".join(f"{slot}={words}" for slot, words in sorted(conditions.items()))


def asked_for(subject: str, conditions: Mapping[str, str], judge_sha256: str) -> ndarray | None:
    """Mean embedding of pictures of the subject just as a prompt asks for it, [1, width]; None where nobody drew such pictures.

    Made by ``python -m foundry.models.ideal`` for the instance judge whose hash the file names; for any other judge there is none.
    Its product with an embedding of length 1 is the mean cosine to those pictures, which is why it is not scaled to length 1.
    """
    sha256, places, vectors = _all()
    if judge_sha256 != sha256 or (subject, named(conditions)) not in places:
        return None
    return vectors[places[subject, named(conditions)]][None]


@cache
def _all() -> tuple[str, dict[tuple[str, str], int], ndarray]:
    with safe_open(FILE, "numpy") as file:
        about = file.metadata()
        rows = json.loads(about["rows"])
        places = {(name, key): i for i, (name, key) in enumerate(rows)}
        return about["judge"], places, file.get_tensor("means").astype(np.float64)
