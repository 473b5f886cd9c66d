"""What each purifier takes from protected photos, and from clean ones: who removes noise, and who removes the subject.

    python benchmarks/experiments/purifiers.py
    python benchmarks/experiments/purifiers.py --purifiers smooth --radius 32 --subjects can,candle,monster_toy,dog3
    python benchmarks/experiments/purifiers.py --purifiers smooth --protections random_noise,fsmg,advdm,photoguard

MiniBench's subjects for tuning, photos at the miniature's size; each protection at one radius, random noise of that radius as the
control, and no protection. "smooth" are the restorer alone and what smooths, before it and without it. For every purifier: the
distance of its pictures to the clean photo (1 - SSIM, or LPIPS where that is installed), before and after, the share of the clean
photo's edges that is left, and seconds per photo. No judge of the benchmark is asked. ``won`` is the share of the perturbation's
distance that cleaning takes away; below 0 it does more harm than the perturbation. Writes
``benchmarks/results/purifiers-<radius>-<purifiers>.json``.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from staytrue.backbones import SD
from staytrue.images.crop import fit, pixels_pm1
from staytrue.images.load import load_folder
from staytrue.opening import commit
from staytrue.protect.config import Protect
from staytrue.protect.stage import Against, protect_images
from staytrue.purify import Tools, cleaner
from staytrue.purify.base import AnyPurifier
from staytrue.purify.chain import Chain
from staytrue.purify.cleaned import detail_kept
from staytrue.purify.diffpure import DiffPure
from staytrue.purify.distance import perceptual_distance
from staytrue.purify.gaussian import Gaussian
from staytrue.purify.gridpure import GridPure
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.median import Median
from staytrue.purify.none import NoPurifier
from staytrue.purify.resize import Resize
from staytrue.purify.restore import Restore
from staytrue.purify.total_variation import TotalVariation
from staytrue.purify.vae_roundtrip import VaeRoundtrip
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import read_jsonl, write_json
from staytrue.types import Subject

ROOT = Path(__file__).parents[2]
SUBJECTS = ROOT / "src/staytrue/assets/minibench/subjects.jsonl"
CLEAN, PROTECTIONS = "clean", ("random_noise", "aspl", "advdm", "photoguard")
PURIFIERS: dict[str, AnyPurifier] = {
    "none": NoPurifier(),
    "jpeg": Jpeg(),
    "gaussian": Gaussian(sigma_px=8.8),  # 1.1 px of the miniature's 64
    "median": Median(),
    "total_variation": TotalVariation(),
    "resize": Resize(),
    "resize, jpeg": Chain(steps=(Resize(), Jpeg())),
    "vae_roundtrip": VaeRoundtrip(),
    "diffpure 50": DiffPure(t=50),
    "diffpure 100": DiffPure(t=100),
    "gridpure": GridPure(),
    "restore": Restore(),
    "jpeg, restore": Chain(steps=(Jpeg(), Restore())),
    "restore, diffpure 50": Chain(steps=(Restore(), DiffPure(t=50))),
}
SMOOTH: dict[str, AnyPurifier] = {
    "none": NoPurifier(),
    "restore": Restore(),
    "gaussian": Gaussian(sigma_px=8.8),
    "resize": Resize(),
    "gaussian 3, restore": Chain(steps=(Gaussian(sigma_px=3), Restore())),
    "gaussian 4, restore": Chain(steps=(Gaussian(sigma_px=4), Restore())),
    "gaussian 5, restore": Chain(steps=(Gaussian(sigma_px=5), Restore())),
    "gaussian 6, restore": Chain(steps=(Gaussian(sigma_px=6), Restore())),
    "gaussian 8.8, restore": Chain(steps=(Gaussian(sigma_px=8.8), Restore())),
    "median, restore": Chain(steps=(Median(), Restore())),
    "resize, restore": Chain(steps=(Resize(), Restore())),
    "resize 0.75, restore": Chain(steps=(Resize(share=0.75), Restore())),
    "total_variation, restore": Chain(steps=(TotalVariation(), Restore())),
    "restore, restore": Chain(steps=(Restore(), Restore())),
    "restore, gaussian 4, restore": Chain(steps=(Restore(), Gaussian(sigma_px=4), Restore())),
}
KINDS = {"all": PURIFIERS, "smooth": SMOOTH}
Images = Sequence[Image.Image]
Found = dict[str, dict[str, dict[str, float]]]  # purifier -> protection -> number -> mean over subjects


def photos_of(subject: Subject, side_px: int) -> list[Image.Image]:
    """Square photos at the model's size."""
    return [fit(photo.image, side_px) for photo in load_folder(subject.photos)]


def cleaned(purifier: AnyPurifier, images: Images, tools: Tools) -> tuple[list[Image.Image], float]:
    """The pictures, and seconds for each; what loads once is not counted."""
    clean = cleaner(purifier, tools)
    clean(images[0])
    started = time.perf_counter()
    made = [clean(image) for image in images]
    return made, (time.perf_counter() - started) / len(images)


def compared(originals: Images, images: Images, distance: Any) -> dict[str, float]:
    """Means over photos."""
    kept = [detail_kept(before, after) for before, after in zip(originals, images, strict=True)]
    far = distance.between(pixels_pm1(list(originals)), pixels_pm1(list(images)))
    return {"distance": float(far.mean()), "detail_kept": float(np.mean(kept))}


def measure(
    names: Sequence[str], purifiers: Mapping[str, AnyPurifier], protections: Sequence[str], radius: float
) -> Found:
    """Purifier -> protection -> numbers, each a mean over subjects; radius is in [0, 1]."""
    spec, distance = SD(), perceptual_distance()
    rows: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in purifiers}
    tools = Tools(spec)
    for subject in map(bundled_subject, names):
        originals = photos_of(subject, spec.facts().resolution_px)
        for protection in (CLEAN, *protections):
            made = originals
            if protection != CLEAN:
                made = protect_images(Protect(method=protection, radius=radius), originals, subject, Against(spec))
            for name, purifier in purifiers.items():
                images, seconds = cleaned(purifier, made, tools.of(subject.class_noun))
                rows[name].setdefault(protection, []).append(
                    compared(originals, images, distance) | {"seconds_per_photo": seconds}
                )
            print(subject.name, protection, flush=True)
    found = {
        name: {p: {key: float(np.mean([row[key] for row in some])) for key in some[0]} for p, some in by.items()}
        for name, by in rows.items()
    }
    for by in found.values():
        for protection in protections:
            before = found["none"][protection]["distance"]
            by[protection]["won"] = 1 - by[protection]["distance"] / before
    return found


def table(found: Found, protections: Sequence[str]) -> str:
    """Markdown: what each wins back under each protection, and what it does to clean photos."""
    of_clean = ("distance", "detail_kept", "seconds_per_photo")
    heads = ["", *(f"won, {p}" for p in protections), *(f"clean: {name}" for name in of_clean)]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for name, by in found.items():
        values = [*(f"{by[p]['won']:+.2f}" for p in protections), *(f"{by[CLEAN][key]:.3f}" for key in of_clean)]
        lines.append(f"| {name} | {' | '.join(values)} |")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, writes."""
    tuning = [row["name"] for row in read_jsonl(SUBJECTS) if row["split"] == "tuning"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", default=",".join(tuning[:4]), help="names with commas")
    parser.add_argument("--radius", type=int, default=11, help="in levels of 255")
    parser.add_argument("--protections", default=",".join(PROTECTIONS), help="names with commas")
    parser.add_argument("--purifiers", choices=KINDS, default="all")
    options = parser.parse_args()
    names, protections, radius = options.subjects.split(","), options.protections.split(","), options.radius / 255
    found = measure(names, KINDS[options.purifiers], protections, radius)
    about = {"subjects": names, "radius": radius, "distance": perceptual_distance().name, "commit": commit()}
    out = ROOT / "benchmarks/results" / f"purifiers-{options.radius}-{options.purifiers}.json"
    write_json(out, about | {"purifiers": found})
    print(json.dumps(about), table(found, protections), sep="\n")


if __name__ == "__main__":
    main()
