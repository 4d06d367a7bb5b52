"""DAR-UNet: a residual 3-D U-Net with quad attention and deep supervision.

Yao et al. 2022, "A Novel 3D Unsupervised Domain Adaptation Framework for Cross-Modality Medical Image
Segmentation", IEEE Journal of Biomedical and Health Informatics.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crosslabel.networks.dar_unet_blocks import ResidualAttentionBlock, VoxelAttentionUpsampling
from crosslabel.networks.published import read_published_state

PUBLISHED_CHANNELS = (16, 32, 64, 128, 256)
PUBLISHED_STRIDES = ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))


class DARUNet(nn.Module):
    """The segmenter of Yao et al. 2022, for any number of classes, channels and levels, and any strides.

    The encoder has one residual attention block per level, all but the first downsampling. The decoder goes
    back up with an attention-weighted upsampling and another residual attention block per level. Every level
    has a side head; the fused head is a convolution over the logits of all of them. The defaults are the
    published configuration, which expects thick slices along the first spatial axis;
    :func:`crosslabel.networks.anisotropy.plan_strides` derives ``strides`` from a spacing.

    Args:
        num_classes: number of output channels, background included.
        in_channels: channels of the image.
        channels: feature channels of each level, from fine to coarse. Group normalisation has one group per 8
            channels, or, where that does not divide them, the largest smaller number of groups that does.
        strides: for each level but the first, the downsampling along each of the three axes.

    Raises:
        ValueError: for numbers that are not positive, or a number of strides that does not fit the channels.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 1,
        channels: Sequence[int] = PUBLISHED_CHANNELS,
        strides: Sequence[Sequence[int]] = PUBLISHED_STRIDES,
    ) -> None:
        super().__init__()
        _check_configuration(num_classes, in_channels, channels, strides)
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.channels = tuple(channels)
        self.strides = tuple(tuple(stride) for stride in strides)

        finest, *coarser = self.channels
        pairs = list(zip(self.channels, coarser, self.strides, strict=False))
        self.encoder = nn.ModuleList([ResidualAttentionBlock(in_channels, finest, from_image=True)])
        self.encoder.extend(ResidualAttentionBlock(fine, coarse, stride) for fine, coarse, stride in pairs)
        self.upsampling = nn.ModuleList(VoxelAttentionUpsampling(fine, coarse, stride) for fine, coarse, stride in pairs)
        self.decoder = nn.ModuleList(ResidualAttentionBlock(fine + coarse, fine) for fine, coarse, _ in pairs)
        self.side_heads = nn.ModuleList(nn.Conv3d(width, num_classes, 3, padding=1) for width in self.channels)
        self.fusion = nn.Conv3d(num_classes * len(self.channels), num_classes, 3, padding=1)

    @classmethod
    def from_published(cls, path: str | Path, num_classes: int) -> DARUNet:
        """The network of a published checkpoint, in evaluation mode.

        Args:
            path: a file of ``torch.save`` that holds ``{"seg": state_dict}`` with the parameter names of the
                published code.
            num_classes: the number of classes, background included, that the file must hold.

        Raises:
            CheckpointError: if the file is missing, is not such a checkpoint, would run code when read, or
                does not fit.
        """
        network = cls(num_classes)
        network.load_state_dict(read_published_state(path, network.state_dict(), num_classes))
        return network.eval()

    @property
    def size_divisors(self) -> tuple[int, ...]:
        """What the padded size is a multiple of along each axis: the product of the strides."""
        divisors = [1, 1, 1]
        for stride in self.strides:
            divisors = [divisor * step for divisor, step in zip(divisors, stride, strict=True)]
        return tuple(divisors)

    def pad(self, x: Tensor) -> Tensor:
        """Repeat the last voxels of each spatial axis up to the next multiple of ``size_divisors``."""
        missing = [-size % divisor for size, divisor in zip(x.shape[2:], self.size_divisors, strict=True)]
        if not any(missing):
            return x
        depth, height, width = missing
        return F.pad(x, (0, width, 0, height, 0, depth), mode="replicate")

    @staticmethod
    def crop(logits: Tensor, size: Sequence[int]) -> Tensor:
        """Undo :meth:`pad`: the first ``size`` = (D, H, W) voxels of the spatial axes."""
        depth, height, width = size
        return logits[..., :depth, :height, :width]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits of the fused head, then of the side heads from fine to coarse.

        Args:
            x: (N, in_channels, D, H, W) of any size.

        Returns:
            One more tensor than there are levels, each (N, num_classes, D, H, W) at the size of ``x``.

        Raises:
            ValueError: if ``x`` has another number of axes or channels.
        """
        return [self.crop(logits, x.shape[2:]) for logits in self._padded_logits(x)]

    def predict_logits(self, x: Tensor) -> Tensor:
        """Logits of the fused head alone, equal to the first of :meth:`forward`: what inference needs."""
        fused, *_ = self._padded_logits(x)
        return self.crop(fused, x.shape[2:])

    def _padded_logits(self, x: Tensor) -> list[Tensor]:
        if x.ndim != 5 or x.shape[1] != self.in_channels:
            raise ValueError(f"DARUNet expects images of shape (N, {self.in_channels}, D, H, W), not {tuple(x.shape)}.")
        padded = self.pad(x)
        sides = [head(features) for head, features in zip(self.side_heads, self._decode(padded), strict=True)]
        sides = [sides[0], *(_resize(side, padded.shape[2:]) for side in sides[1:])]
        return [self.fusion(torch.cat(sides, dim=1)), *sides]

    def _decode(self, x: Tensor) -> list[Tensor]:
        """Features of every level from fine to coarse, after the decoder."""
        encoded = []
        for block in self.encoder:
            x = block(x)
            encoded.append(x)
        decoded = [x]
        for level in reversed(range(len(self.decoder))):
            x = self.decoder[level](self.upsampling[level](encoded[level], x))
            decoded.append(x)
        return decoded[::-1]


def _resize(logits: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(logits, size=size, mode="trilinear", align_corners=False)


def _check_configuration(num_classes: int, in_channels: int, channels: Sequence[int], strides: Sequence[Sequence[int]]) -> None:
    for name, value in (("num_classes", num_classes), ("in_channels", in_channels)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value}.")
    if not channels or min(channels) < 1:
        raise ValueError(f"channels must be one positive number for each level, not {tuple(channels)}.")
    if len(strides) != len(channels) - 1:
        raise ValueError(f"strides must have {len(channels) - 1} entries, one fewer than the channels, not {len(strides)}.")
    for stride in strides:
        if len(stride) != 3 or min(stride) < 1:
            raise ValueError(f"each of the strides must be three positive numbers, not {tuple(stride)}.")
