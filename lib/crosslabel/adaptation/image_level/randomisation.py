"""Global intensity non-linear augmentation (GIN): the look of an image randomised by small random networks.

Ouyang et al. 2022, "Causality-inspired Single-source Domain Generalization for Medical Image Segmentation", IEEE
Transactions on Medical Imaging, section III-B.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from crosslabel.adaptation.image_level.adapter import Unchanged

_CONVOLUTIONS = {2: F.conv2d, 3: F.conv3d}


class GIN(Unchanged):
    """Sends a patch through a shallow convolutional network with weights drawn anew, and blends it with the original.

    With z the patch at mean 0 and variance 1, g a network of ``layers`` convolutions (kernels of 1 or 3 voxels, leaky ReLU
    between them) whose weights and biases are drawn from N(0, 1), and a drawn from U(0, 1), the result is
    a std(g(z)) + (1 - a) z, brought back to mean and deviation of the patch; std() brings to mean 0 and variance 1.
    Structures stay where they are to within ``layers`` voxels; grey values, their order and contrast change.

    The published form blends g(z) as it comes, whose scale varies by orders of magnitude from draw to draw, so that a hardly
    matters, and keeps the Frobenius norm. Standardised, all blends are as likely. It also draws kernels of 1 and 3 voxels
    evenly; a random kernel of 3 moves and smears edges by up to a voxel, which on grids of several millimetres teaches a
    network that edges are elsewhere, so that they are rare here.

    Args:
        layers: convolutions of the random network.
        width: channels between them.
        share: of patches that are changed.
        spatial: share of convolutions with a kernel of 3 voxels.
    """

    name = "gin"

    def __init__(self, layers: int = 4, width: int = 2, share: float = 0.9, spatial: float = 0.15) -> None:
        self.layers = layers
        self.width = width
        self.share = share
        self.spatial = spatial

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        if rng.random() >= self.share:
            return patch
        mean, deviation = patch.mean(), patch.std()
        if deviation == 0:
            return patch
        plain = (patch - mean) / deviation
        strength = float(rng.random())
        blended = strength * _standardised(self._random_network(plain, rng)) + (1 - strength) * plain
        return _standardised(blended) * deviation + mean

    def _random_network(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        channels, axes = x.shape[0], x.ndim - 1
        widths = [channels, *[self.width] * (self.layers - 1), channels]
        for layer, (before, after) in enumerate(pairwise(widths)):
            size = 3 if rng.random() < self.spatial else 1
            weight = rng.standard_normal((after, before, *[size] * axes))
            bias = rng.standard_normal(after)
            # The border is continued, so that the edge of a patch does not look like the edge of the body.
            padded = F.pad(x[None], [size // 2] * (2 * axes), mode="replicate") if size > 1 else x[None]
            x = _CONVOLUTIONS[axes](padded, torch.as_tensor(weight).to(x), torch.as_tensor(bias).to(x))[0]
            if layer < self.layers - 1:
                x = F.leaky_relu(x, 0.01)
        return x


def _standardised(x: Tensor) -> Tensor:
    """Mean 0 and variance 1; 0 where all values are (nearly) equal."""
    return (x - x.mean()) / x.std().clamp(min=1e-6)
