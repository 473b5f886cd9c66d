"""What a judge recognizes in pictures, asked as a CLIP is: which of these texts is nearest?"""

import numpy as np
import torch
from torch import Tensor

from foundry.models import clip
from foundry.models.training import device

PARTS = ("noun", "color", "background")


def pixels_of(pictures: np.ndarray) -> Tensor:
    """uint8 [rows, 64, 64, 3] as the judges read it."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1).to(device())


def share_right(judge: clip.Clip, pictures: np.ndarray, choices: list[list[str]], right: list[int]) -> float:
    """Share of pictures for which the judge picks the right one of their own choices of prompts."""
    with torch.inference_mode():
        image = clip.embed_pictures(judge, pixels_of(pictures))
    hits = [(image[i] @ clip.embed_texts(judge, texts).T).argmax() == right[i] for i, texts in enumerate(choices)]
    return float(np.mean([bool(hit) for hit in hits]))


def compositions(facts: dict, count: int, seed: int = 0) -> list[tuple[str, str, str]]:
    """(color, noun, background) triples, every noun in turn, drawn from a fixed seed."""
    chance = np.random.default_rng(seed)
    names = list(facts["nouns"])
    plain = [b for b in facts["backgrounds"] if "background" not in b]
    drawn = [(str(chance.choice(facts["colors"])), str(chance.choice(plain))) for _ in range(count)]
    return [(color, names[i % len(names)], place) for i, (color, place) in enumerate(drawn)]


def composition_hits(judge: clip.Clip, pictures: np.ndarray, triples: list, facts: dict) -> dict[str, list[bool]]:
    """For each part of a composition, in which pictures the judge finds it, the other parts as asked."""
    names, colors, places = list(facts["nouns"]), facts["colors"], facts["backgrounds"]
    parts: dict[str, list[bool]] = {part: [] for part in PARTS}
    for i, (color, noun, place) in enumerate(triples):
        one = pictures[i : i + 1]
        by_color = [f"a {c} {noun} {place}" for c in colors]
        by_place = [f"a {color} {noun} {p}" for p in places]
        by_noun = [f"a {color} {n} {place}" for n in names]
        parts["color"].append(share_right(judge, one, [by_color], [colors.index(color)]) == 1)
        parts["background"].append(share_right(judge, one, [by_place], [places.index(place)]) == 1)
        parts["noun"].append(share_right(judge, one, [by_noun], [names.index(noun)]) == 1)
    return parts


def seen_together(triples: list[tuple[str, str, str]], rows: list[dict]) -> list[bool]:
    """For each (color, noun, background), whether one picture of the rows was captioned with all three, whatever else it has.

    A row that says a vaguer word than its noun ("a red animal") counts, too: the picture was seen.
    """
    known = {tuple(row[part] for part in ("color", "noun", "background")) for row in rows}
    return [tuple(triple) in known for triple in triples]
