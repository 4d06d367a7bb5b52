"""The two building blocks of the DAR-UNet (Yao et al. 2022), see :mod:`crosslabel.networks.dar_unet`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crosslabel.networks.quad_attention import QuadAttention

UNIT_STRIDE = (1, 1, 1)
CHANNELS_PER_GROUP = 8


class ResidualAttentionBlock(nn.Module):
    """Three 3x3x3 convolutions plus a convolutional shortcut, gated by quad attention.

    Shapes: (N, in_channels, D, H, W) to (N, out_channels, D / stride, H / stride, W / stride), rounded up.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: downsampling along each axis, by the first convolution and the shortcut.
        from_image: leave out the normalisation and activation in front of the first convolution, which would
            discard the intensities of an image.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: Sequence[int] = UNIT_STRIDE,
        *,
        from_image: bool = False,
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *([] if from_image else _normalised_activation(in_channels)),
            nn.Conv3d(in_channels, out_channels, 3, stride=tuple(stride), padding=1),
            *_normalised_activation(out_channels),
            nn.Conv3d(out_channels, out_channels, 3, padding=1),
            *_normalised_activation(out_channels),
            nn.Conv3d(out_channels, out_channels, 3, padding=1),
        )
        self.shortcut = nn.Sequential(
            nn.Conv3d(in_channels, out_channels, 3, stride=tuple(stride), padding=1), group_norm(out_channels)
        )
        self.attention = QuadAttention()

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(self.residual(x) + self.shortcut(x))


class VoxelAttentionUpsampling(nn.Module):
    """Weigh the coarse features voxel by voxel, upsample them, and append the skip connection.

    The weight is one map, computed from both levels without a bounding function: it may be negative or above
    one.

    Args:
        fine_channels: channels of the encoder's features at the finer level.
        coarse_channels: channels of the decoder's features at the coarser level.
        stride: size of the finer level divided by that of the coarser one, along each axis.
    """

    def __init__(self, fine_channels: int, coarse_channels: int, stride: Sequence[int]) -> None:
        super().__init__()
        stride = tuple(stride)
        self.fine_evidence = nn.Sequential(
            *_normalised_activation(fine_channels),
            nn.Conv3d(fine_channels, coarse_channels, 3, padding=1),
            nn.MaxPool3d(stride, stride),
        )
        self.coarse_evidence = nn.Sequential(
            *_normalised_activation(coarse_channels),
            nn.Conv3d(coarse_channels, coarse_channels, 3, padding=1),
        )
        self.weight_map = nn.Sequential(*_normalised_activation(coarse_channels), nn.Conv3d(coarse_channels, 1, 1))
        self.upsample = nn.ConvTranspose3d(
            coarse_channels,
            coarse_channels,
            3,
            stride=stride,
            padding=1,
            output_padding=tuple(step - 1 for step in stride),
        )

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """From features of the finer and the coarser level to (N, coarse + fine channels, D, H, W)."""
        weight = self.weight_map(self.fine_evidence(fine) + self.coarse_evidence(coarse))
        return torch.cat((self.upsample(weight * coarse), fine), dim=1)


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with one group per 8 channels, or the largest smaller number that divides them."""
    at_most = max(1, channels // CHANNELS_PER_GROUP)
    groups = next(number for number in range(at_most, 0, -1) if channels % number == 0)
    return nn.GroupNorm(groups, channels)


def _normalised_activation(channels: int) -> tuple[nn.Module, nn.Module]:
    return group_norm(channels), nn.LeakyReLU(inplace=True)
