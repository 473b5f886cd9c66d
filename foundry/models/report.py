"""Measures the miniature and its judges: `foundry/report.json`, `foundry/REPORT.md` and sheets of samples.

What it needs that the repository does not hold, and how to make that: `foundry/README.md`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image
from torch import Tensor
from transformers import AutoModel, ViTModel

from foundry.models import clip, eye, instance
from foundry.models.export import ASSETS
from foundry.models.pictures import WORLD, Pictures
from foundry.models.sheet import SHEETS, draw, prompts, tile
from foundry.models.tokenizer import FOLDER as TOKENIZER
from foundry.models.training import device
from foundry.models.vae import psnr_db
from foundry.models.zero_shot import composition_hits, compositions, pixels_of, seen_together, share_right
from foundry.world.nouns import nouns

FOUNDRY = Path(__file__).parents[1]
MINIBENCH = ASSETS / "minibench"
ENOUGH = 30  # pictures, for a share of them to be told
MAKE = {
    "the shipped tokenizer and weights, where the foundry reads them": "python -m foundry.everything adopt",
    "4000 held-out pictures of the world (minutes)": (
        "python -m foundry.world --split holdout --count 4000 --out foundry/build/world/holdout"
    ),
}


def require_what_it_reads() -> None:
    """Raises ``SystemExit`` with the commands that make what is not there."""
    needs = zip(MAKE.items(), ([TOKENIZER], [WORLD / "holdout" / name for name in ("rows.jsonl", "images.npy")]))
    missing = [made for made, paths in needs if not all(path.exists() for path in paths)]
    if not missing:
        return
    lines = [f"  {command}\n      {what}" for what, command in missing]
    raise SystemExit(
        "The report reads what the repository does not hold. From its root, once `pip install resvg-py tqdm` is done and npm is\n"
        "on the path (it fetches the icons), run:\n\n"
        + "\n".join(lines)
        + "\n\nand then this again; foundry/README.md says more."
    )


def a(noun: str) -> str:
    """A noun with its article."""
    return noun if nouns()[noun].pair else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def judge_generations(pipe: StableDiffusionPipeline, judge: clip.Clip, facts: dict, count: int) -> dict[str, float]:
    """What the judge recognizes in pictures of nouns and of compositions; the compositions' sheet."""
    names = list(facts["nouns"])
    asked = [i % len(names) for i in range(count)]
    plain = draw(pipe, [a(names[i]) for i in asked])
    tile(plain[: len(names)], 12).save(SHEETS / "nouns.png")
    every_noun = [a(name) for name in names]
    rare = draw(pipe, [f"a olis {names[i]}" for i in asked])
    triples = compositions(facts, count)
    composed = draw(pipe, [f"a {color} {noun} {place}" for color, noun, place in triples])
    tile(composed[:72], 12).save(SHEETS / "compositions.png")
    scores = {
        "noun_accuracy": share_right(judge, plain, [every_noun] * count, asked),
        "noun_accuracy_with_identifier": share_right(judge, rare, [every_noun] * count, asked),
    }
    return scores | composition_scores(judge, composed, triples, facts, training_rows())


def training_rows() -> list[dict]:
    """Metadata of the pictures to train on; none where they are not on this machine."""
    file = WORLD / "train" / "rows.jsonl"
    return [json.loads(line) for line in file.open()] if file.exists() else []


def composition_scores(
    judge: clip.Clip, pictures: np.ndarray, triples: list, facts: dict, trained: list[dict]
) -> dict[str, float]:
    """Accuracy of each part of compositions, of all parts of one picture at once, and of those never trained on."""
    parts = composition_hits(judge, pictures, triples, facts)
    scores = {f"{name}_accuracy": float(np.mean(hits)) for name, hits in parts.items() if name != "noun"}
    scores["composed_noun_accuracy"] = float(np.mean(parts["noun"]))
    together = [all(hits) for hits in zip(*parts.values(), strict=True)]
    return scores | {"composition_accuracy": float(np.mean(together))} | novelty(triples, together, trained)


def novelty(triples: list, together: list[bool], trained: list[dict]) -> dict[str, float]:
    """How many compositions were trained on as such, and the accuracy of the others; empty without the training rows."""
    if not trained:
        return {}
    seen = seen_together(triples, trained)
    unseen = [hit for hit, known in zip(together, seen, strict=True) if not known]
    found = {"composition_seen_share": float(np.mean(seen)), "training_pictures": len(trained)}
    return found | ({"composition_accuracy_unseen": float(np.mean(unseen))} if len(unseen) >= ENOUGH else {})


def judge_renderings(judge: clip.Clip) -> dict[str, float]:
    """The judge on held-out real pictures: all of them, and those without style, degradation or change of shape."""
    holdout = Pictures.open("holdout")
    clear = [i for i, row in enumerate(holdout.rows) if not any(row.get(f) for f in ("style", "degradation", "shape"))]
    clear_part = Pictures(holdout.pixels[clear], [holdout.rows[i] for i in clear])
    names = {"noun": "judge_noun_accuracy"}  # the goal's name
    measured = {names.get(name, f"judge_{name}"): value for name, value in clip.measure(judge, holdout).items()}
    return measured | {f"judge_{name}_clear": value for name, value in clip.measure(judge, clear_part).items()}


def minibench() -> tuple[np.ndarray, list[str], list[str]]:
    """All photos of the subjects, whose they are, and of which class."""
    photos, owners, kinds = [], [], []
    for line in (MINIBENCH / "subjects.jsonl").open():
        row = json.loads(line)
        for path in sorted((MINIBENCH / row["name"]).rglob("*.png")):
            photos.append(np.asarray(Image.open(path).convert("RGB").resize((64, 64))))
            owners.append(row["name"])
            kinds.append(row["class_noun"])
    return np.stack(photos), owners, kinds


@torch.inference_mode()
def retrieval(vit: ViTModel, change: Callable[[Tensor], Tensor]) -> float:
    """Share of MiniBench photos, changed somehow, whose nearest other photo of the class shows the same subject."""
    photos, owners, kinds = minibench()
    pixels = pixels_of(photos)
    clean, asked = instance.embed(vit, pixels), instance.embed(vit, change(pixels))
    scores = asked @ clean.T
    hits = []
    for i, (owner, kind) in enumerate(zip(owners, kinds, strict=True)):
        rivals = [j for j in range(len(owners)) if kinds[j] == kind and j != i]
        if len({owners[j] for j in rivals}) > 1:
            hits.append(owners[max(rivals, key=lambda j: scores[i, j].item())] == owner)
    return float(np.mean(hits))


def round_trip(vae: AutoencoderKL) -> Callable[[Tensor], Tensor]:
    """Encode and decode."""
    return lambda pixels: vae.decode(vae.encode(pixels).latent_dist.mean).sample.clamp(-1, 1)


def measure(count: int) -> dict[str, object]:
    """Everything, on what ships."""
    pipe = StableDiffusionPipeline.from_pretrained(ASSETS / "miniature", torch_dtype=torch.float32).to(device())
    pipe.set_progress_bar_config(disable=True)
    judge = AutoModel.from_pretrained(ASSETS / "judges" / "clip", dtype=torch.float32).eval().to(device())
    vit = ViTModel.from_pretrained(ASSETS / "judges" / "instance", dtype=torch.float32, add_pooling_layer=False)
    vit = vit.eval().to(device())
    facts = json.loads((ASSETS / "miniature" / "facts.json").read_text())["words"]
    tile(draw(pipe, prompts()), 8).save(SHEETS / "samples.png")
    scores = judge_generations(pipe, judge, facts, count) | judge_renderings(judge)
    scores["vae_psnr_db"] = psnr_db(pipe.vae, Pictures.open("holdout"))
    scores["instance_retrieval"] = retrieval(vit, lambda pixels: pixels)
    scores["instance_retrieval_after_vae"] = retrieval(vit, round_trip(pipe.vae))
    scores |= eye.agreement(judge)
    return {"pictures_judged": count} | {name: round(value, 4) for name, value in scores.items()}


GOALS = {
    "noun_accuracy": 0.90,
    "color_accuracy": 0.90,
    "background_accuracy": 0.90,
    "composition_accuracy": 0.75,
    "judge_noun_accuracy": 0.95,
    "instance_retrieval": 0.90,
    "instance_retrieval_after_vae": 0.90,
    "vae_psnr_db": 27.0,
}
PAGE = """# The miniature, measured

Written by `python -m foundry.models.report`; judged by `judges/clip` zero-shot and by `judges/instance`, which the
model never saw. Composition means noun, color and background of one picture all recognized.

{verdict}

| measure | value | goal |
| --- | ---: | ---: |
{rows}

{novelty}

`by_eye` and `by_judge` are of a hundred further compositions ({labels}), labelled once, by one of the makers, who
read the prompt beside each picture, on two sheets ([1](sheets/by-eye-1.png), [2](sheets/by-eye-2.png)): how often the eye,
and the judge, found each part; then how often both say the same, and Cohen's kappa, which counts only agreement beyond chance
(it means little where nearly all pictures are right).

![samples](sheets/samples.png)

![every noun](sheets/nouns.png)

![compositions](sheets/compositions.png)
"""


def novelty_text(scores: dict[str, object]) -> str:
    """Which prompts the model was trained on, said plainly."""
    plain = "All pictures are from seeds of their own. A noun alone (`a dog`, for `noun_accuracy`) is a training caption, too."
    if "composition_seen_share" not in scores:
        return f"{plain} Whether compositions were is not counted: the training pictures were not at hand."
    share, count = float(str(scores["composition_seen_share"])), int(str(scores["training_pictures"]))
    text = (
        f"{plain} Of the compositions, {share:.0%} have color, noun and background together in the metadata of at least one of"
        f" {count:,} training pictures (`composition_seen_share`); the others the model never saw as such"
    )
    unseen = scores.get("composition_accuracy_unseen")
    return (
        f"{text}, and {float(str(unseen)):.0%} of them are right (`composition_accuracy_unseen`)."
        if unseen is not None
        else f"{text}."
    )


def page(scores: dict[str, object]) -> str:
    """The report a person reads."""
    missed = [f"`{name}` ({scores[name]} of {goal})" for name, goal in GOALS.items() if float(str(scores[name])) < goal]
    verdict = f"**Not reached:** {', '.join(missed)}." if missed else "Every goal is reached."
    named = float(str(scores["judge_noun_accuracy"]))
    if named < GOALS["judge_noun_accuracy"]:
        verdict += (
            f" On real pictures the judge itself names only {named:.0%} of the nouns, so what it says of"
            " nouns in generations is weak evidence: look at the sheets."
        )
    rows = "\n".join(f"| {name} | {value} | {GOALS.get(name, '')} |" for name, value in scores.items())
    return PAGE.format(verdict=verdict, rows=rows, novelty=novelty_text(scores), labels="`foundry/by_eye.jsonl`")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one picture a noun")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    require_what_it_reads()
    torch.set_num_threads(options.threads)
    SHEETS.mkdir(parents=True, exist_ok=True)
    scores = measure(72 if options.quick else 288)
    (FOUNDRY / "report.json").write_text(json.dumps(scores, indent=1) + "\n")
    (FOUNDRY / "REPORT.md").write_text(page(scores))
    print(page(scores))


if __name__ == "__main__":
    main()
