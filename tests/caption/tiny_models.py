"""Random-weight CLIP and BLIP folders, small enough to write in a test."""

from pathlib import Path

import torch
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
)

from tests.tiny import tiny_tokenizer

SMALL = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}
BLIP_WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[DEC]",
    "a",
    "an",
    "dog",
    "teddy",
    "bear",
    "on",
    "rock",
    "in",
    "the",
    "grass",
    "with",
    "red",
    "ball",
    "sitting",
]


def tiny_clip(folder: Path) -> Path:
    """Writes a ``CLIPModel`` with its processor."""
    tokenizer = tiny_tokenizer(folder)
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {**SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 32, **special}
    vision = {**SMALL, "image_size": 32, "patch_size": 8}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def tiny_blip(folder: Path) -> Path:
    """Writes a ``BlipForConditionalGeneration`` with its processor."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(BLIP_WORDS) + "\n")
    tokenizer = BertTokenizer.from_pretrained(folder)
    ids = {"bos_token_id": 5, "pad_token_id": 0, "sep_token_id": 3, "eos_token_id": 3}
    text = {**SMALL, "encoder_hidden_size": 32, "vocab_size": len(BLIP_WORDS), "max_position_embeddings": 64, **ids}
    vision = {**SMALL, "image_size": 32, "patch_size": 8}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
        BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder
