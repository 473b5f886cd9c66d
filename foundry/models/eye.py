"""The composition judge against the eye, on a hundred compositions that the report does not count.

python -m foundry.models.eye draw       sheets, numbered and titled, and `foundry/by_eye.jsonl` with a line for each picture
(a person writes true or false for noun, color and background of every line, by the sheets alone)
python -m foundry.models.eye compare    how often the judge agrees; `foundry.models.report` says so, too
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from transformers import AutoModel

from foundry.models.export import ASSETS
from foundry.models.sheet import SHEETS, draw
from foundry.models.training import device
from foundry.models.zero_shot import PARTS, composition_hits, compositions
from staytrue.encoders.checkpoint import weights_sha256
from staytrue.images.grid import contact_sheet

LABELS = Path(__file__).parents[1] / "by_eye.jsonl"
COUNT, SEED, PER_SHEET = 100, 1, 50


def triples() -> list[tuple[str, str, str]]:
    """What is asked for: (color, noun, background)."""
    facts = json.loads((ASSETS / "miniature" / "facts.json").read_text())["words"]
    return compositions(facts, COUNT, SEED)


def drawn() -> np.ndarray:
    """The pictures, by what ships."""
    pipe = StableDiffusionPipeline.from_pretrained(ASSETS / "miniature", torch_dtype=torch.float32).to(device())
    pipe.set_progress_bar_config(disable=True)
    return draw(pipe, [f"a {color} {noun} {place}" for color, noun, place in triples()])


def unet_sha256() -> str:
    """Which denoiser the labels are of."""
    return weights_sha256(str(ASSETS / "miniature" / "unet"))


def labels() -> list[dict]:
    """The lines that were filled in, or are to be."""
    return [json.loads(line) for line in LABELS.open()] if LABELS.exists() else []


def write_sheets() -> None:
    """The sheets, and lines to fill in."""
    now = unet_sha256()
    if any(row[part] is not None for row in labels() for part in PARTS if row["unet"] == now):
        raise SystemExit(f"{LABELS} has labels of this very denoiser; move it away to label anew")
    pictures = [Image.fromarray(picture) for picture in drawn()]
    titles = [f"{i}: {color} {noun} {place}" for i, (color, noun, place) in enumerate(triples())]
    for start in range(0, COUNT, PER_SHEET):
        part = slice(start, start + PER_SHEET)
        contact_sheet(pictures[part], titles[part], columns=10).save(SHEETS / f"by-eye-{start // PER_SHEET + 1}.png")
    empty = dict.fromkeys(PARTS)
    rows = [{"asked": title, **empty, "unet": now} for title in titles]
    LABELS.write_text("".join(json.dumps(row) + "\n" for row in rows))


def kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Cohen's kappa of two rows of booleans: agreement beyond chance, 1 at best; NaN where both say always the same."""
    agreed, chance = np.mean(a == b), np.mean(a) * np.mean(b) + np.mean(~a) * np.mean(~b)
    return float((agreed - chance) / (1 - chance)) if chance < 1 else float("nan")


def agreement(judge: AutoModel) -> dict[str, float]:
    """How judge and eye agree; empty where nothing is labelled, or another denoiser's pictures were."""
    rows, now = labels(), unet_sha256()
    if not rows or any(row["unet"] != now or row[part] is None for row in rows for part in PARTS):
        return {}
    facts = json.loads((ASSETS / "miniature" / "facts.json").read_text())["words"]
    hits = composition_hits(judge, drawn(), triples(), facts)
    eye = {part: np.array([row[part] for row in rows]) for part in PARTS}
    told = {part: np.array(hits[part]) for part in PARTS}
    eye["composition"], told["composition"] = (np.all([v[p] for p in PARTS], axis=0) for v in (eye, told))
    found: dict[str, float] = {}
    for name in (*PARTS, "composition"):
        found[f"by_eye_{name}"] = float(eye[name].mean())
        found[f"by_judge_{name}"] = float(told[name].mean())
        found[f"agreement_{name}"] = float(np.mean(eye[name] == told[name]))
        found[f"kappa_{name}"] = kappa(eye[name], told[name])
    return {name: value for name, value in found.items() if value == value}  # NaN is no JSON


def main() -> None:
    """Draw or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("draw", "compare"))
    if parser.parse_args().step == "draw":
        write_sheets()
        return
    judge = AutoModel.from_pretrained(ASSETS / "judges" / "clip", dtype=torch.float32).eval().to(device())
    print(json.dumps({name: round(value, 4) for name, value in agreement(judge).items()}, indent=1))


if __name__ == "__main__":
    main()
