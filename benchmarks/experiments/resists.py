"""How much of a perturbation a personalized model could show at all: why attacks of 11/255 do not bite on the miniature.

    python -m benchmarks.experiments.resists --subjects can --radii 11 32

For each protection and radius, the red team's scores (``staytrue bench redteam``) of the protected photos themselves, and of the
same photos as the miniature's autoencoder gives them back: what a model draws that has learned them to perfection. ``loss`` is
the share of the clean photos' average score that is gone; training would have to make things worse than the photos are for
an attack to cost more than that. Protected photos are those of the red team. Writes ``benchmarks/results/resists.json``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.progress import track

from benchmarks.experiments.inspection import made, maker
from staytrue.backbones import SD
from staytrue.backbones.base import LoadedBackbone
from staytrue.bench import metrics
from staytrue.bench.judge import photos_in
from staytrue.bench.quality import calibration, quality
from staytrue.encoders.judges import dino_judge
from staytrue.images.crop import fit, pixels_pm1
from staytrue.images.load import load_folder
from staytrue.opening import commit
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import write_json

OUT = Path(__file__).parents[1] / "results" / "resists.json"
CLEAN = "clean"
ATTACKS = ("random noise", "fsmg", "aspl", "easpl", "advdm", "metacloak", "photoguard", "glaze")
DIGITS = 4
Images = list[Image.Image]


@torch.no_grad()
def given_back(backbone: LoadedBackbone, images: Images) -> Images:
    """The pictures, encoded and decoded."""
    pixels = backbone.decode(backbone.encode(pixels_pm1(images))[0]).float().clamp(-1, 1)
    levels = ((pixels + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(picture) for picture in levels]


def scores(images: Images, heldout: Images, judge: Any) -> dict[str, float]:
    """Identity to held-out photos, quality, and the average of both, as the red team has them."""
    mine, others = (judge.images(some).numpy().astype(np.float64) for some in (images, heldout))
    identity, good = float((mine @ others.T).mean()), float(quality(images, calibration()).mean())
    return {"identity": identity, "quality": good, "average": metrics.average_score(identity, good)}


def measured(name: str, kinds: Sequence[tuple[str, int]]) -> dict[str, dict[str, dict[str, float]]]:
    """Of one subject: kind -> "photos" and "given back" -> scores; the clean photos first."""
    subject, backbone = bundled_subject(name), SD().load("cpu")
    side, judge = backbone.facts.resolution_px, dino_judge("auto", backbone.facts).load("cpu")
    heldout = photos_in(subject.heldout)
    clean = [fit(photo.image, side) for photo in load_folder(subject.photos)]
    found = {}
    for kind, levels in track([(CLEAN, 0), *kinds], name):
        images = clean if kind == CLEAN else made(maker(kind, levels / 255), subject, clean)
        found[label(kind, levels)] = {
            "photos": scores(images, heldout, judge),
            "given back": scores(given_back(backbone, images), heldout, judge),
        }
    return found


def label(kind: str, levels: int) -> str:
    """Such as "aspl 11/255"."""
    return f"{kind} {levels}/255" if levels else kind


def means(found: Sequence[dict[str, dict[str, dict[str, float]]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Over subjects, with the loss against the clean photos."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for kind in found[0]:
        for side in found[0][kind]:
            row = {n: round(float(np.mean([f[kind][side][n] for f in found])), DIGITS) for n in found[0][kind][side]}
            clean = rows.get(CLEAN, {}).get(side, row)["average"]  # the first kind there is
            rows.setdefault(kind, {})[side] = row | {"loss": round((clean - row["average"]) / clean, DIGITS)}
    return rows


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """Markdown."""
    lines = ["| photos | quality | loss | quality, given back | loss, given back |", "| --- |" + " ---: |" * 4]
    for kind, sides in rows.items():
        told = [f"{s['quality']:.3f} | {s['loss']:.1%}" for s in sides.values()]
        lines.append(f"| {kind} | {' | '.join(told)} |")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", default="can", help="names with commas")
    parser.add_argument("--radii", type=int, nargs="+", default=[11, 32], help="in levels of 255")
    parser.add_argument("--attacks", default=",".join(ATTACKS), help="names with commas")
    options = parser.parse_args()
    names, attacks = options.subjects.split(","), options.attacks.split(",")
    kinds = [(kind, levels) for levels in options.radii for kind in attacks]
    rows = means([measured(name, kinds) for name in names])
    print(table(rows))
    write_json(OUT, {"subjects": names, "commit": commit(), "rows": rows})


if __name__ == "__main__":
    main()
