"""Writes what ships: the miniature as an ordinary Stable Diffusion folder, its encoder, the judges, what they know."""

import argparse
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPImageProcessor, CLIPTextConfig, CLIPTextModel, ViTImageProcessor

from foundry.models import clip, instance, tokenizer, unet, vae
from foundry.models.pictures import Pictures
from foundry.models.training import RUNS, load_ema
from foundry.world.nouns import nouns

ASSETS = Path(__file__).parents[2] / "src" / "staytrue" / "assets"
SCHEDULER = {
    "num_train_timesteps": unet.TIMES,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
}
PIXELS = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3}
COLUMNS = {
    "colors": "color",
    "textures": "texture",
    "shapes": "shape",
    "accessories": "accessory",
    "seconds": "second",
    "backgrounds": "background",
    "styles": "style",
    "motions": "motion",
    "moods": "mood",
    "rare_adjectives": "rare",
    "degradations": "degradation",
}


def text_encoder() -> CLIPTextModel:
    """The text tower alone, as pipelines want it."""
    trained = clip.load_text().cpu()
    tower = CLIPTextModel(CLIPTextConfig.from_dict(trained.config.to_dict()))
    tower.load_state_dict(trained.state_dict())
    return tower


def pipeline(denoiser: UNet2DConditionModel, autoencoder: AutoencoderKL) -> StableDiffusionPipeline:
    """A stock pipeline around the trained parts."""
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text_encoder(),
        tokenizer=tokenizer.load(),
        unet=denoiser,
        scheduler=DDIMScheduler(**SCHEDULER),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def trained_pipeline(run: Path) -> StableDiffusionPipeline:
    """The pipeline with the newest averaged weights of a denoiser's run."""
    built = pipeline(load_ema(unet.build(), run, "unet").to("cpu"), vae.load().to("cpu"))
    built.set_progress_bar_config(disable=True)
    return built


def facts() -> dict[str, object]:
    """What the world holds and the miniature can be asked for."""
    world = Pictures.open("train")
    found = {name: sorted({value for value in world.column(field) if value}) for name, field in COLUMNS.items()}
    living = {noun.name: {"hypernyms": list(noun.hypernyms), "living": noun.living} for noun in nouns().values()}
    said = {word for caption in world.captions for word in tokenizer.PATTERN.findall(caption.lower())}
    return {
        "title": "the Staytrue miniature (64 px)",
        "note": "For tests and for comparing methods at small scale; not a model of the real world.",
        "is_miniature": True,
        "vocabulary": sorted({word for word in [*said, *tokenizer.SPARE] if word.isalpha()}),
        "words": {"nouns": living, **found, "identifiers": tokenizer.SPARE},
    }


def fingerprints(folder: Path) -> None:
    """Write the SHA-256 of every file of a folder into it."""
    path = folder / "fingerprints.json"
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != path)
    sums = {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    path.write_text(json.dumps(sums, indent=1) + "\n")


def publish(folder: Path, write: Callable[[Path], None]) -> None:
    """Fill a folder beside the real one, then put it in its place."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    for file in (file for file in part.rglob("*") if file.is_file()):
        file.chmod(0o644)
    fingerprints(part)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def write_miniature(folder: Path, run: Path) -> None:
    """The pipeline's folder, in half precision, and `facts.json`."""
    trained_pipeline(run).to(torch.float16).save_pretrained(folder)
    _copy_vocabulary(folder / "tokenizer")
    (folder / "facts.json").write_text(json.dumps(facts(), indent=1) + "\n")


def _copy_vocabulary(folder: Path) -> None:
    """Add the two classic files: transformers of today writes `tokenizer.json` alone, others read these."""
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(tokenizer.FOLDER / name, folder / name)


def write_encoder(folder: Path, model: nn.Module) -> None:
    """A transformers folder with its preprocessing and, for a CLIP, its tokenizer."""
    model.to("cpu", torch.float16).save_pretrained(folder)
    if hasattr(model, "text_model"):
        tokenizer.load().save_pretrained(folder)
        _copy_vocabulary(folder)
        size = {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}
        CLIPImageProcessor(**PIXELS, **size).save_pretrained(folder)
    else:
        ViTImageProcessor(**PIXELS, size={"height": 64, "width": 64}).save_pretrained(folder)


def main() -> None:
    """Export all of it, or some parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["miniature", "clip", "judges"])
    parser.add_argument("--run", type=Path, default=RUNS / "unet")
    options = parser.parse_args()
    if "miniature" in options.parts:
        publish(ASSETS / "miniature", lambda folder: write_miniature(folder, options.run))
    if "clip" in options.parts:
        publish(ASSETS / "encoders" / "clip", lambda folder: write_encoder(folder, clip.load()))
    if "judges" in options.parts:
        publish(ASSETS / "judges" / "clip", lambda folder: write_encoder(folder, clip.load(judge=True)))
        publish(ASSETS / "judges" / "instance", lambda folder: write_encoder(folder, instance.load()))


if __name__ == "__main__":
    main()
