"""Tiny random-weight models for tests, in the ordinary folder formats, written in a fraction of a second."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

WORDS = (
    "a an photo of the on in with wearing dog cat bag toy animal backpack teapot robot red blue green white beach grass"
    " forest top hat tall striped painting olis sks zwx without noise noisy low quality"
).split()
START, END = "<|startoftext|>", "<|endoftext|>"


def tiny_sd(folder: Path, prediction_type: str = "epsilon", size: int = 32, seed: int = 0) -> Path:
    """Writes a random-weight ``StableDiffusionPipeline`` folder.

    Args:
        folder: where to write it.
        prediction_type: "epsilon" or "v_prediction".
        size: side of its pictures, a multiple of 8; latents are a quarter of it, with 4 channels.
        seed: of the weights.

    Returns:
        The folder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = tiny_tokenizer(Path(folder) / "tokenizer")
        text = CLIPTextModel(tiny_text_config(len(tokenizer)))
        pipeline = StableDiffusionPipeline(
            vae=tiny_vae(size),
            text_encoder=text,
            tokenizer=tokenizer,
            unet=tiny_unet(size // 4),
            scheduler=DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
                prediction_type=prediction_type,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder)
    return Path(folder)


def tiny_text_config(vocabulary: int) -> CLIPTextConfig:
    """A two-layer text encoder, 32 wide."""
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=37,
        projection_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )


def tiny_unet(latent_size: int) -> UNet2DConditionModel:
    """A two-level UNet with cross-attention on the first and in the middle."""
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )


def tiny_vae(size: int) -> AutoencoderKL:
    """A three-level autoencoder: a quarter of the picture's side."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        block_out_channels=(8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=size,
    )


def tiny_tokenizer(folder: Path, words: tuple[str, ...] | list[str] = tuple(WORDS)) -> CLIPTokenizer:
    """Writes and loads a ``CLIPTokenizer`` that spells in bytes and has (nearly) every given word as one token."""
    symbols = _byte_symbols()
    merges: dict[str, None] = {}
    for word in dict.fromkeys(words):
        left = word[0] if len(word) > 1 else ""
        for i in range(1, len(word)):
            right = word[i] + ("</w>" if i == len(word) - 1 else "")
            merges[f"{left} {right}"] = None
            left += right
    entries = dict.fromkeys(
        [*symbols, *(s + "</w>" for s in symbols), *(m.replace(" ", "") for m in merges), START, END]
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({entry: i for i, entry in enumerate(entries)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    settings = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    settings |= {"tokenizer_class": "CLIPTokenizer", "model_max_length": 32}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return CLIPTokenizer.from_pretrained(folder)


def _byte_symbols() -> list[str]:
    """The 256 printable stand-ins for bytes that CLIP's vocabulary begins with."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(256 - len(plain))]
