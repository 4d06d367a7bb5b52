"""MIND descriptors: what a voxel's neighbourhood looks like, whatever the modality.

Heinrich et al. 2013, "Towards Realtime Multimodal Fusion for Image-Guided Interventions Using Self-Similarities", MICCAI
(self-similarity context), after Heinrich et al. 2012, "MIND: Modality Independent Neighbourhood Descriptor", Medical Image
Analysis.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_POOLING = {2: F.avg_pool2d, 3: F.avg_pool3d}
# A neighbourhood's variance is kept within a factor of 1000 of the image's mean, so that even tissue does not become noise.
_VARIANCE_RANGE = 1000.0


def mind_channels(channels: int, spatial_dims: int) -> int:
    """Channels of the descriptor of an image: 12 for each of its own in 3-D, 4 in 2-D."""
    return channels * len(_neighbour_pairs(spatial_dims))


def mind_descriptor(images: Tensor, radius: int = 1, distance: int = 2) -> Tensor:
    """Self-similarity context of every voxel.

    For every pair (p, q) of the voxel's direct neighbours that are not opposite, exp(-(D - min D) / V), where D is the mean
    squared difference of the patches around p and q, min and V the least and the mean D over pairs. Grey values do not
    matter, only which neighbours are like which.

    Args:
        images: (N, channels, \\*spatial) with 2 or 3 spatial axes.
        radius: of the patches in voxels.
        distance: of the neighbours in voxels.

    Returns:
        (N, :func:`mind_channels`, \\*spatial), from 0 to 1.
    """
    axes = images.ndim - 2
    padded = F.pad(images, [distance + radius] * (2 * axes), mode="replicate")
    shifted = {offset: _shifted(padded, offset, distance, radius) for pair in _neighbour_pairs(axes) for offset in pair}
    distances = torch.stack(
        [_POOLING[axes]((shifted[p] - shifted[q]).square(), 2 * radius + 1, stride=1) for p, q in _neighbour_pairs(axes)], dim=2
    )
    distances = distances - distances.amin(dim=2, keepdim=True)
    variance = distances.mean(dim=2, keepdim=True)
    usual = variance.mean(dim=tuple(range(1, variance.ndim)), keepdim=True)
    # An image of one value has no variance at all; every neighbour is then like every other.
    variance = variance.clamp(usual / _VARIANCE_RANGE, usual * _VARIANCE_RANGE).clamp_min(1e-12)
    return (-distances / variance).exp().flatten(1, 2)


class MINDInput(nn.Module):
    """A network that sees the descriptors of its images in place of the images.

    Args:
        network: built for :func:`mind_channels` input channels.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """What the network answers to the descriptors of images (N, channels, \\*spatial)."""
        return self.network(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """The descriptors, in float32: differences of half-precision values would be mostly rounding."""
        with torch.autocast(images.device.type, enabled=False):
            return mind_descriptor(images.float())


def _neighbour_pairs(axes: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Pairs of unit steps along different axes, as (axis, direction) vectors: 12 in 3-D, 4 in 2-D."""
    steps = [tuple(sign * (axis == each) for each in range(axes)) for axis in range(axes) for sign in (-1, 1)]
    return [(p, q) for p, q in combinations(steps, 2) if sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) == 2]


def _shifted(padded: Tensor, offset: tuple[int, ...], distance: int, radius: int) -> Tensor:
    """The padded images seen from a neighbour, with a margin of ``radius`` for the patches."""
    window = [slice(None), slice(None)]
    for step, size in zip(offset, padded.shape[2:], strict=True):
        start = distance * (1 + step)
        window.append(slice(start, start + size - 2 * distance))
    return padded[tuple(window)]
