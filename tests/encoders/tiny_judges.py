"""Random-weight judges in the ordinary transformers folders."""

import torch
from transformers import CLIPConfig, CLIPModel, ViTConfig, ViTModel

from tests.tiny import tiny_tokenizer

SMALL = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}


def tiny_clip(folder, side=64, seed=0):
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer(folder)
    end = len(tokenizer) - 1
    text = SMALL | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 32,
        "bos_token_id": end - 1,
        "eos_token_id": end,
    }
    vision = SMALL | {"image_size": side, "patch_size": 8}
    CLIPModel(
        CLIPConfig(text_config=text | {"pad_token_id": end}, vision_config=vision, projection_dim=16)
    ).save_pretrained(folder)
    return folder


def tiny_vit(folder, side=64, seed=0):
    torch.manual_seed(seed)
    ViTModel(ViTConfig(**SMALL, image_size=side, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    return folder
