"""A sheet of samples from a denoiser's newest averaged weights: the eye's check."""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from foundry.models.export import trained_pipeline
from foundry.models.training import RUNS, device

SHEETS = Path(__file__).parents[1] / "sheets"
PROMPTS = """
a dog|a cat|a backpack|a teapot|a robot|a duck|a candle|a car|a red dog|a blue cat|a green car|a pink backpack
a dog on the beach|a cat in the snow|a teapot on a wooden floor|a robot in the forest|a duck in outer space
a candle on the grass|a bicycle in the city|a penguin on a pink background|a olis dog|a sks cat in the jungle
a photo of a purple vase in front of a brick wall|a dog with a crown|a banana|an airplane in the clouds|a pizza
a striped boot|a cube shaped clock|a watercolor of a lion|a neon sign of a guitar|a turtle underwater"""


def prompts() -> list[str]:
    """The sheet's prompts."""
    return [prompt for line in PROMPTS.strip().splitlines() for prompt in line.split("|")]


def draw(pipe: StableDiffusionPipeline, texts: list[str], steps: int = 25, guidance: float = 4.0) -> np.ndarray:
    """uint8 pictures [texts, 64, 64, 3]; picture i depends on its own seed i."""
    pictures = []
    for start in range(0, len(texts), 32):
        part = texts[start : start + 32]
        seeds = [torch.Generator().manual_seed(start + i) for i in range(len(part))]
        made = pipe(part, num_inference_steps=steps, guidance_scale=guidance, generator=seeds, output_type="np")
        pictures.append((made.images * 255).round().astype(np.uint8))
    return np.concatenate(pictures)


def tile(pictures: np.ndarray, columns: int, scale: int = 2) -> Image.Image:
    """Pictures side by side, enlarged without smoothing."""
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * 64, columns * 64, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // columns * 64, i % columns * 64
        sheet[y : y + 64, x : x + 64] = picture
    return Image.fromarray(sheet).resize((columns * 64 * scale, rows * 64 * scale), Image.Resampling.NEAREST)


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=RUNS / "unet")
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=SHEETS / "samples.png")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    tile(draw(trained_pipeline(options.run).to(device()), prompts(), options.steps, options.guidance), 8).save(
        options.out
    )


if __name__ == "__main__":
    main()
