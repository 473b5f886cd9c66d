"""A start for `AutoencoderKL` near a linear codec: 4 x 4 means of RGB and Haar details in, smooth upsampling out.

Residual branches start at zero, so the trunk is linear but for the last GroupNorm and SiLU of either half. There every
signal runs as a pair (x, -x), because silu(x) - silu(-x) = x, beside a constant pair that steadies the norm's scale.
"""

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

ANCHOR = 1.0
LUMA = torch.tensor([0.3, 0.6, 0.1])
SMOOTH = torch.tensor([0.25, 0.5, 0.25])
HAAR = torch.tensor([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]]) / 4
MEANS = [(channel, 0) for channel in range(3)]
DETAILS = [(channel, band) for channel in range(3) for band in (1, 2, 3)]


@torch.no_grad()
def start_linear(vae: AutoencoderKL) -> None:
    """Overwrite the first values of an autoencoder of three levels and 8 latents."""
    for name, weight in vae.named_parameters():
        if name.endswith("conv2.weight"):
            nn.init.zeros_(weight)
    _start_encoder(vae)
    _start_decoder(vae)


def _start_encoder(vae: AutoencoderKL) -> None:
    encoder = vae.encoder
    _copy(encoder.conv_in, 3)
    first, second, third = encoder.down_blocks
    _haar(first.downsamplers[0].conv, MEANS + DETAILS)
    _copy(second.resnets[0].conv_shortcut, 12)
    _haar(second.downsamplers[0].conv, MEANS + DETAILS + [(channel, 0) for channel in range(3, 12)])
    mixed = _latent_directions()
    _pair(third.resnets[0].conv_shortcut, mixed, encoder.conv_norm_out.num_groups)
    _unpair(encoder.conv_out, len(mixed), encoder.conv_norm_out.num_groups)
    _copy(vae.quant_conv, 2 * len(mixed))
    _copy(vae.post_quant_conv, len(mixed))
    encoder.conv_out.bias[len(mixed) :] = -6.0
    encoder.conv_out.weight[len(mixed) :] *= 0.1


def _latent_directions() -> Tensor:
    """Rows: RGB means, luma's three
    details of 4 x 4, its across and down details of 2 x 2."""
    details = torch.zeros(8, 32)
    for channel in range(3):
        details[channel, channel] = 1
        for detail in range(3):
            details[3 + detail, 3 + 3 * channel + detail] = 2 * LUMA[channel]
        for detail in range(2):
            details[6 + detail, 12 + 3 * channel + detail] = 2 * LUMA[channel]
    return details


def _start_decoder(vae: AutoencoderKL) -> None:
    decoder = vae.decoder
    _copy(decoder.conv_in, 3)
    for block in decoder.up_blocks[:-1]:
        conv = block.upsamplers[0].conv
        conv.weight[:3] = 0
        for channel in range(3):
            conv.weight[channel, channel] = SMOOTH[:, None] * SMOOTH
        conv.bias[:3] = 0
    for block in decoder.up_blocks[1:-1]:
        _copy(block.resnets[0].conv_shortcut, 3)
    last = decoder.up_blocks[-1].resnets[0].conv_shortcut
    _pair(last, torch.eye(3, last.in_channels), decoder.conv_norm_out.num_groups)
    _unpair(decoder.conv_out, 3, decoder.conv_norm_out.num_groups)


def _copy(conv: nn.Conv2d, channels: int) -> None:
    """Let the first channels pass; the others keep their random start."""
    conv.weight[:channels] = 0
    conv.bias[:channels] = 0
    middle = conv.kernel_size[0] // 2
    for channel in range(channels):
        conv.weight[channel, channel, middle, middle] = 1


def _haar(conv: nn.Conv2d, bands: list[tuple[int, int]]) -> None:
    """One output for each (input channel, Haar band); the others keep their random start."""
    for row, (channel, band) in enumerate(bands):
        conv.weight[row] = 0
        conv.weight[row, channel, :2, :2] = HAAR[band]
        conv.bias[row] = 0


def _slots(signals: int, channels: int, groups: int) -> list[tuple[int, int]]:
    """Where each signal's pair lies: groups are filled in turn, one pair in each is the anchor's."""
    pairs = [(g * channels // groups + 2 * k, k) for k in range(channels // groups // 2) for g in range(groups)]
    return [(first, first + 1) for first, k in pairs if k > 0][:signals]


def _pair(conv: nn.Conv2d, directions: Tensor, groups: int) -> None:
    """Signals and anchors as pairs (x, -x) among the outputs; outputs left over stay silent."""
    conv.weight.mul_(0.1)
    conv.bias.zero_()
    for signal, (plus, minus) in zip(directions, _slots(len(directions), conv.out_channels, groups), strict=True):
        conv.weight[plus, :, 0, 0] = signal[: conv.in_channels]
        conv.weight[minus] = -conv.weight[plus]
    for anchor in range(0, conv.out_channels, conv.out_channels // groups):
        conv.weight[anchor : anchor + 2] = 0
        conv.bias[anchor], conv.bias[anchor + 1] = ANCHOR, -ANCHOR


def _unpair(conv: nn.Conv2d, signals: int, groups: int) -> None:
    """Read signals from their pairs, in the middle tap only."""
    conv.weight[:signals] = 0
    conv.bias[:signals] = 0
    gain = (2 / (conv.in_channels // groups)) ** 0.5
    for row, (plus, minus) in enumerate(_slots(signals, conv.in_channels, groups)):
        conv.weight[row, plus, 1, 1] = gain
        conv.weight[row, minus, 1, 1] = -gain
