"""The names that a single-file checkpoint (the original latent-diffusion code) gives to diffusers' tensors."""

from __future__ import annotations

import re

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
ENDS = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def single_file(pipeline):
    """State dict of a whole pipeline in the single-file layout."""
    state = {}
    for name, tensor in pipeline.unet.state_dict().items():
        state["model.diffusion_model." + unet_name(name, pipeline.unet.config)] = tensor.contiguous()
    for name, tensor in pipeline.vae.state_dict().items():
        linear = "mid_block.attentions" in name and tensor.ndim == 2
        state["first_stage_model." + vae_name(name, pipeline.vae.config)] = (
            tensor[:, :, None, None] if linear else tensor
        )
    for name, tensor in pipeline.text_encoder.state_dict().items():
        state["cond_stage_model.transformer.text_model." + name.removeprefix("text_model.")] = tensor.contiguous()
    return state


def unet_name(name, config):
    layers, kinds = config.layers_per_block + 1, {"down": config.down_block_types, "up": config.up_block_types}
    end = re.match(r"(.+)\.(weight|bias)$", name)
    if end and end[1] in ENDS:
        return f"{ENDS[end[1]]}.{end[2]}"
    if found := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", name):
        place = 1 if found[1] == "attentions" else 2 * int(found[2])
        return f"middle_block.{place}.{inner(found[1], found[3])}"
    side, block, part, number, rest = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.+)", name).groups()
    block, number = int(block), int(number)
    if part == "downsamplers":
        return f"input_blocks.{(block + 1) * layers}.0.{rest.replace('conv', 'op')}"
    if part == "upsamplers":
        return f"output_blocks.{block * layers + layers - 1}.{2 if 'Attn' in kinds['up'][block] else 1}.{rest}"
    place = (
        f"input_blocks.{1 + block * layers + number}" if side == "down" else f"output_blocks.{block * layers + number}"
    )
    return f"{place}.{int(part == 'attentions')}.{inner(part, rest)}"


def inner(part, rest):
    module, kind = rest.rsplit(".", 1)
    return f"{RESNET[module]}.{kind}" if part == "resnets" else rest


def vae_name(name, config):
    last = len(config.block_out_channels) - 1
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{last - int(m[1])}.block", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    if "mid_block.attentions.0" in name:
        prefix, rest = name.split("mid_block.attentions.0.")
        module, kind = rest.rsplit(".", 1)
        return f"{prefix}mid.attn_1.{ATTENTION[module]}.{kind}"
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
