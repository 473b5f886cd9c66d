"""How well the inspection tells protected photos from others, and the limits that it goes by for the miniature.

    python benchmarks/experiments/inspection.py                    negatives alone: limits by false alarms
    python benchmarks/experiments/inspection.py --protections      calibrate on some protections, report on the others
    python benchmarks/experiments/inspection.py --protections --attacked 4    the same, attacks on four subjects of each split

Negatives are MiniBench's photos clean, saved once as JPEG 75, and under the red team's random noise of the same radius; limits
come from its subjects for tuning, numbers from those for reporting. A measure decides only if it tells one of the calibration's
protections from negatives (AUC at least 0.75); its limit is the lowest quantile of the negatives at which all measures together
flag at most 2 % of them. If no measure decides, no photo is called suspect, and that is said. Writes
``benchmarks/results/inspection.json`` and, with --write-limits, the built-in limits.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from staytrue.backbones import SD
from staytrue.bench.metrics import auc
from staytrue.bench.plan import weights_of
from staytrue.bench.protected import protecting
from staytrue.bench.settings import Bench
from staytrue.images.load import Photo, load_folder
from staytrue.opening import commit
from staytrue.protect.config import Protect
from staytrue.purify import Tools
from staytrue.purify.base import Purifier
from staytrue.purify.inspection.measures import MEASURES, PERTURBATION, measure
from staytrue.purify.inspection.verdict import Limit, judge
from staytrue.purify.jpeg import Jpeg
from staytrue.purify.none import NoPurifier
from staytrue.purify.spandrel_file import spandrel
from staytrue.recipes.demo import bundled_subject
from staytrue.runs import fingerprint, read_jsonl, write_json
from staytrue.types import Subject

ROOT = Path(__file__).parents[2]
LIMITS = ROOT / "src/staytrue/purify/inspection/limits.json"
CLIP = ROOT / "src/staytrue/assets/encoders/clip"
RUNS = ROOT / Bench().runs
SUBJECTS = ROOT / "src/staytrue/assets/minibench/subjects.jsonl"
FILTERS: dict[str, Purifier] = {"clean": NoPurifier(), "jpeg 75": Jpeg(quality=75)}
NOISE = "random noise"
NEGATIVES = (*FILTERS, NOISE)
CALIBRATED_ON = ("aspl", "photoguard")
NOT_ATTACKS = ("random_noise", "adaptive")  # the control, and an attack on a purifier rather than on training
FALSE_ALARMS, USEFUL_AUC = 0.02, 0.75
QUANTILES = (0.95, 0.97, 0.98, 0.99, 0.995, 1.0)
ABOVE = 1.001
QUALITY = {"noise_level": 1, "blockiness": 1, "sharpness": -1, "brightest": -1, "darkest": 1}
QUALITY_MARGIN = 0.25
BY_HAND = {"jpeg_quality": Limit(90, 40), "nearest_other": Limit(40, 1), "shorter_side_px": Limit(64, 48)}
LOW_IS_BAD = ("class_cosine",)
NO_POWER = (
    "No measure of perturbation tells these protections from negatives, so none has a limit: no photo is called suspect, and only"
    " noisy ones (noise_level) ask for the rights before they are cleaned."
)
Rows = list[dict[str, float]]


def fitted(negatives: Rows, positives: dict[str, Rows]) -> dict[str, Limit]:
    """Limits of the measures of perturbation, as they are written; without positives, every measure gets one.

    Args:
        negatives: rows of ordinary photos, and of those with random noise.
        positives: rows of the protections to calibrate on, by name. A measure that tells one of them is of use: an attack on the
            denoiser and one on the autoencoder show in different places.

    Raises:
        ValueError: even the widest limits flag too many negatives.
    """
    names = [n for n in PERTURBATION if all(n in row for row in negatives)]
    if positives:
        names = [n for n in names if max(measure_auc(n, rows, negatives) for rows in positives.values()) >= USEFUL_AUC]
    for quantile in QUANTILES:
        limits = {n: _limit([row[n] for row in negatives], quantile, n in LOW_IS_BAD) for n in names}
        alarms = float(np.mean([_suspicion(row, limits) >= 1 for row in negatives]))
        if alarms <= FALSE_ALARMS:
            return limits
    raise ValueError(
        f"limits at quantile {quantile} flag {alarms:.1%} of {len(negatives)} negatives, above {FALSE_ALARMS:.0%}"
    )


def measure_auc(name: str, positives: Rows, negatives: Rows) -> float:
    """Of one measure alone."""
    sign = -1 if name in LOW_IS_BAD else 1
    return auc([sign * row[name] for row in positives], [sign * row[name] for row in negatives])


def quality_limits(clean: Rows) -> dict[str, Limit]:
    """Limits of the measures of quality: a quarter of the way beyond the most extreme clean photo."""
    found = {}
    for name, side in QUALITY.items():
        values = side * np.array([row[name] for row in clean])
        typical, worst = float(np.median(values)), float(values.max())
        limit = worst + QUALITY_MARGIN * max(worst - typical, 1e-3)
        found[name] = Limit(round(side * typical, 4), round(side * limit, 4))
    return found | BY_HAND


def _limit(values: list[float], quantile: float, low_is_bad: bool) -> Limit:
    """Between two negatives; at quantile 1 a little above all of them: a photo at its limit is flagged."""
    sign = -1 if low_is_bad else 1
    signed = sign * np.asarray(values)
    typical, limit = float(np.median(signed)), float(np.quantile(signed, quantile))
    spread = max(limit - typical, 1e-6 * max(abs(typical), 1))
    return Limit(_short(sign * typical), _short(sign * (typical + spread * (ABOVE if quantile == 1.0 else 1))))


def _short(value: float) -> float:
    return float(f"{value:.9g}")


def _suspicion(row: dict[str, float], limits: dict[str, Limit]) -> float:
    return judge(row, limits, "thing").suspicion


def measured(subject: Subject, images: list[Image.Image], photos: list[Photo], tools: Tools) -> Rows:
    """The measures of pictures made from a subject's photos. What a file says of itself is left out: these are no files."""
    made = [Photo(photo.path, image) for photo, image in zip(photos, images, strict=True)]
    return measure(made, tools.of(subject.class_noun), "model", "auto").rows


def maker(kind: str, radius: float) -> Purifier | Protect:
    """What turns clean photos into pictures of a kind: a filter, or a protection of the registry."""
    return FILTERS.get(kind) or Protect(method="random_noise" if kind == NOISE else kind, radius=radius)


def made(by: Purifier | Protect, subject: Subject, images: list[Image.Image]) -> list[Image.Image]:
    """The pictures of a kind. Protected ones are those of the red team, made once and kept with its runs."""
    if not isinstance(by, Protect):
        return [by.purify(image) for image in images]
    told = [f"protect.method={by.method.name}", f"protect.radius={by.radius}"]
    protected = protecting(by.method.name, told, subject, (SD(), weights_of(SD()), 0), RUNS)
    protected.make("cpu")
    return [photo.image for photo in load_folder(protected.photos)]


def attacks() -> list[str]:
    """The protections there are."""
    from staytrue.protect import PROTECTIONS

    return [name for name in PROTECTIONS.names() if name not in NOT_ATTACKS]


def collect(names: list[str], options: argparse.Namespace) -> dict[str, dict[str, Rows]]:
    """Measures by split ("tuning", "reporting") and kind of picture.

    What an interrupted call measured, of the same photos made in the same way with the same weights, is read from
    ``options.kept`` and not measured again.
    """
    tools = Tools(SD())
    weights = [weights_of(SD()), fingerprint(CLIP / "model.safetensors")]
    kept = {row["key"]: row["rows"] for row in read_jsonl(options.kept)} if options.kept.is_file() else {}
    found: dict[str, dict[str, Rows]] = {"tuning": {}, "reporting": {}}
    for split, by_kind in found.items():
        chosen = [row["name"] for row in read_jsonl(SUBJECTS) if row["split"] == split][: options.subjects]
        attacking = [n for n in names if (n in CALIBRATED_ON) == (split == "tuning")]
        for place, subject in enumerate(map(bundled_subject, chosen)):
            photos = load_folder(subject.photos)
            attacked = options.attacked is None or place < options.attacked
            for kind in [*NEGATIVES, *(attacking if attacked else [])]:
                by = maker(kind, options.radius)
                key = row_key(by, subject, photos, weights)
                if key not in kept:
                    kept[key] = measured(subject, made(by, subject, [photo.image for photo in photos]), photos, tools)
                    with options.kept.open("a") as file:
                        row = {"key": key, "subject": subject.name, "kind": kind, "rows": kept[key]}
                        file.write(json.dumps(row) + "\n")
                by_kind.setdefault(kind, []).extend(kept[key])
            print(split, subject.name, flush=True)
    return found


def row_key(by: Purifier | Protect, subject: Subject, photos: list[Photo], weights: list[str]) -> str:
    """Changes with all that the measures of a subject's photos of one kind depend on."""
    about = [fingerprint(by), MEASURES, subject.class_noun, subject.identifier, *weights]
    return fingerprint([*about, *(fingerprint(photo.path) for photo in photos)])


def summary(found: dict[str, dict[str, Rows]], limits: dict[str, Limit]) -> dict[str, Any]:
    """False alarms and AUC on the subjects that limits were not made from, and how well each measure does alone."""
    reporting = found["reporting"]
    negatives = [row for kind in NEGATIVES for row in reporting[kind]]
    scores = {kind: [_suspicion(row, limits) for row in rows] for kind, rows in reporting.items()}
    quiet = [score for kind in NEGATIVES for score in scores[kind]]
    kinds = [kind for kind in reporting if kind not in NEGATIVES]
    return {
        "false_alarms": {kind: float(np.mean([s >= 1 for s in scores[kind]])) for kind in NEGATIVES},
        "found": {kind: float(np.mean([s >= 1 for s in scores[kind]])) for kind in kinds},
        "auc": {kind: auc(scores[kind], quiet) for kind in kinds},
        "auc_by_measure": {k: {n: measure_auc(n, reporting[k], negatives) for n in limits} for k in kinds},
    }


def main() -> None:
    """Measures, fits, reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protections", action="store_true", help="calibrate and report on staytrue's protections")
    parser.add_argument("--subjects", type=int, help="at most this many of each split")
    parser.add_argument("--radius", type=float, default=11 / 255)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/inspection.json")
    parser.add_argument(
        "--kept", type=Path, default=ROOT / "benchmarks/results/inspection-rows.jsonl", help="to go on from"
    )
    parser.add_argument("--write-limits", action="store_true", help="make these the limits that ship")
    parser.add_argument(
        "--attacked",
        type=int,
        help="at most this many of each split under attacks, which cost hours, negatives minutes",
    )
    options = parser.parse_args()
    spandrel()  # the miniature's restorer is asked: without it, limits would lack latent_aim
    names = attacks() if options.protections else []
    options.kept.parent.mkdir(parents=True, exist_ok=True)
    found = collect(names, options)
    negatives = [row for kind in NEGATIVES for row in found["tuning"][kind]]
    positives = {name: found["tuning"][name] for name in CALIBRATED_ON if name in found["tuning"]}
    limits = fitted(negatives, positives)
    result = {"calibrated_on": list(CALIBRATED_ON) if positives else [], "radius": options.radius, "commit": commit()}
    result["attacked"] = options.attacked  # None for all
    result |= summary(found, limits)
    result["negatives"] = {split: sum(len(kinds[k]) for k in NEGATIVES) for split, kinds in found.items()}
    write_json(options.out, result)
    print(json.dumps(result, indent=1), *([] if limits else [NO_POWER]), sep="\n")
    if options.write_limits:
        write_limits(limits | quality_limits(found["tuning"]["clean"]), result)


def write_limits(limits: dict[str, Limit], result: dict[str, Any]) -> None:
    """Puts the limits, and how they came about, into the built-in file."""
    table = json.loads(LIMITS.read_text())
    on = " and ".join(result["calibrated_on"]) or "no protection (limits by false alarms alone: their power is unknown)"
    if result["attacked"] is not None:
        on += f", at most {result['attacked']} subjects of each split attacked"
    table["miniature"] = {
        "calibrated_on": result["calibrated_on"],
        "attacked": result["attacked"],
        "calibration": f"benchmarks/experiments/inspection.py at commit {result['commit']}: on {on}; negatives: clean, JPEG 75,"
        f" random noise of the same radius; at most {FALSE_ALARMS:.0%} of {result['negatives']['tuning']} of the tuning"
        f" subjects flagged. On {result['negatives']['reporting']} of the subjects for reporting: false alarms"
        f" {result['false_alarms']}, AUC {result['auc']}.{'' if set(limits) & set(PERTURBATION) else f' {NO_POWER}'}",
        "limits": {n: vars(v) for n, v in limits.items()},
    }
    LIMITS.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
