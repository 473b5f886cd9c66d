"""Makes the miniature with few words: the world's pictures, then every model, each within its share of the minutes.

    python -m foundry.everything encoders --minutes 9 --out OUT     autoencoder, CLIPs, instance judge
    python -m foundry.everything denoiser --minutes 9 --out OUT     the UNet, on the encoders' weights
    python -m foundry.everything take OUT                           averaged weights back into foundry/build
    python -m foundry.everything adopt                              the same, from the weights that ship

What was taken or adopted is where the next training of a model starts from, with a fresh optimizer.

Two phases, since a borrowed GPU is lent for ten minutes at a time and little may travel back: what returns is the averaged
weights in half precision. Run again where ``foundry/build`` was kept, every model resumes instead.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import AutoModel, ViTModel

from foundry.models.export import ASSETS
from foundry.models.pictures import WORLD
from foundry.models.training import RUNS

GPU = torch.cuda.is_available()
PICTURES = 400_000 if GPU else 100_000
SHIPPED: dict[str, tuple[str, str, Callable]] = {
    "vae": ("miniature/vae", "vae", AutoencoderKL.from_pretrained),
    "unet": ("miniature/unet", "unet", UNet2DConditionModel.from_pretrained),
    "clip": ("encoders/clip", "clip", AutoModel.from_pretrained),
    "judge": ("judges/clip", "clip", AutoModel.from_pretrained),
    "instance": ("judges/instance", "vit", partial(ViTModel.from_pretrained, add_pooling_layer=False)),
}
BATCH = {"vae": 64, "clip": 512, "judge": 512, "instance": 512, "unet": 256} if GPU else {}


def python(*words: object) -> subprocess.Popen:
    """Starts `python -m ...` in the background."""
    print("+", *words, flush=True)
    return subprocess.Popen([sys.executable, "-m", *map(str, words)])


def finish(*jobs: subprocess.Popen) -> None:
    """Waits for jobs. Raises ``SystemExit`` if one failed."""
    if any([job.wait() for job in jobs]):
        raise SystemExit("a step failed; see above")


def train(model: str, seconds: float, *options: object) -> subprocess.Popen:
    """Starts one model's script, with a batch that fills the machine."""
    script = {"judge": "clip", "unet": "unet"}.get(model, model)
    batch = ("--batch", BATCH[model]) if model in BATCH else ()
    return python(f"foundry.models.{script}", "--budget-s", round(seconds), *batch, *options)


def world() -> None:
    """Draws the pictures that are missing, on all cores, and learns the words unless there is a tokenizer."""
    workers = ("--workers", os.cpu_count() or 2)
    for split, count in (("train", PICTURES), ("holdout", 4000)):
        if not (WORLD / split / "rows.jsonl").exists():
            finish(python("foundry.world", "--split", split, "--count", count, "--out", WORLD / split, *workers))
    if not (WORLD / "instances" / "rows.jsonl").exists():
        finish(python("foundry.world", "--instances", 20_000 if GPU else 6000, "--out", WORLD / "instances", *workers))
    if not (RUNS / "tokenizer").exists():
        finish(python("foundry.models.tokenizer"))


def encoders(seconds: float) -> None:
    """The autoencoder first; then, side by side, the model's CLIP, the judge's and the instance judge."""
    finish(train("vae", 0.3 * seconds))
    finish(*(train(m, 0.65 * seconds, *w) for m, w in (("clip", ()), ("judge", ("--judge",)), ("instance", ()))))


def denoiser(seconds: float) -> None:
    """Latents, then the UNet."""
    finish(python("foundry.models.latents", "--count", PICTURES))
    finish(train("unet", 0.9 * seconds))


def pack(models: list[str], out: Path) -> None:
    """Averaged weights in half precision, and each model's measured facts, into one folder."""
    out.mkdir(parents=True, exist_ok=True)
    for model in models:
        newest = sorted((RUNS / model).glob("state-*"))[-1]
        half = {name: value.half() for name, value in load_file(newest / "ema.safetensors").items()}
        save_file(half, out / f"{model}.safetensors")
        if (RUNS / model / "facts.json").exists():
            shutil.copy(RUNS / model / "facts.json", out / f"{model}.json")


def take(out: Path) -> None:
    """Puts packed weights where the scripts and the export look for them, in place of older states."""
    for file in sorted(out.glob("*.safetensors")):
        run = RUNS / file.stem
        shutil.rmtree(run, ignore_errors=True)
        state = run / "state-00000000"
        state.mkdir(parents=True)
        save_file({name: value.float() for name, value in load_file(file).items()}, state / "ema.safetensors")
        if file.with_suffix(".json").exists():
            facts = json.loads(file.with_suffix(".json").read_text())
            (run / "facts.json").write_text(json.dumps(facts, indent=1))
        print("took", file.stem)


def adopt() -> None:
    """Takes the shipped weights, for a machine that has the repository and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        for model, (place, prefix, load) in SHIPPED.items():
            # through the library: what a file calls a weight need not be what the model calls it
            weights = load(ASSETS / place).state_dict()
            named = {f"{prefix}.{name}": value.float().clone() for name, value in weights.items()}
            save_file(named, Path(folder, f"{model}.safetensors"))
        scale = json.loads((ASSETS / "miniature" / "vae" / "config.json").read_text())
        facts = {key: scale[key] for key in ("latent_channels", "scaling_factor")}
        Path(folder, "vae.json").write_text(json.dumps(facts))
        take(Path(folder))
    # The text tower knows the words by their numbers: a tokenizer learned anew would rename them.
    shutil.copytree(ASSETS / "miniature" / "tokenizer", RUNS / "tokenizer", dirs_exist_ok=True)


def main() -> None:
    """One phase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase", choices=("encoders", "denoiser", "take", "adopt"))
    parser.add_argument("folder", type=Path, nargs="?", help="with take: a folder that --out filled")
    parser.add_argument("--minutes", type=float, default=9.0, help="for training, the drawing of pictures not counted")
    parser.add_argument("--out", type=Path, help="where to put the averaged weights")
    options = parser.parse_args()
    if options.phase == "take":
        return take(options.folder)
    if options.phase == "adopt":
        return adopt()
    world()
    {"encoders": encoders, "denoiser": denoiser}[options.phase](60 * options.minutes)
    if options.out:
        pack({"encoders": ["vae", "clip", "judge", "instance"], "denoiser": ["unet"]}[options.phase], options.out)


if __name__ == "__main__":
    main()
