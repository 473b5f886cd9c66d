"""Tiny random-weight networks for purifiers: an upscaling pipeline, and restorers in files as spandrel reads them."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, StableDiffusionUpscalePipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel

from staytrue.purify.spandrel_file import spandrel
from tests.tiny import tiny_text_config, tiny_tokenizer


def tiny_upscaler(folder: Path) -> Path:
    """Writes a ``StableDiffusionUpscalePipeline`` folder that enlarges four times, as the real one does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokenizer = tiny_tokenizer(folder / "tokenizer")
        unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=7,
            out_channels=4,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
            norm_num_groups=4,
            num_class_embeds=1000,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            latent_channels=4,
            norm_num_groups=4,
        )
        pipeline = StableDiffusionUpscalePipeline(
            vae=vae,
            text_encoder=CLIPTextModel(tiny_text_config(len(tokenizer))),
            tokenizer=tokenizer,
            unet=unet,
            low_res_scheduler=DDPMScheduler(),
            scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False),
            max_noise_level=350,
        )
    pipeline.save_pretrained(folder)
    return folder


def tiny_restorer(path: Path, seed: int = 0, channels: int = 3) -> Path:
    """Writes a NAFNet of a few thousand weights, away from its start as the identity."""
    spandrel()
    from spandrel.architectures.NAFNet import NAFNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NAFNet(img_channel=channels, width=4, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1])
        for weight in network.parameters():
            weight.data.add_(0.05 * torch.randn_like(weight))
    save_file({name: w.contiguous() for name, w in network.state_dict().items()}, path)
    return path


def tiny_enlarger(path: Path) -> Path:
    """Writes a x2 SRVGGNet ("Compact") of one layer."""
    spandrel()
    from spandrel.architectures.Compact import Compact

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Compact(num_feat=4, num_conv=1, upscale=2)
    save_file({name: w.contiguous() for name, w in network.state_dict().items()}, path)
    return path
