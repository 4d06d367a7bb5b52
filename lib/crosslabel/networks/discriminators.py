"""Discriminators for adversarial training with least squares.

Mao et al. 2017, "Least Squares Generative Adversarial Networks", ICCV.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.networks.translation import padded_to

_SLOPE = 0.2


class MultiScaleDiscriminator(nn.Module):
    """Judges patches of slices at several sizes of the slice, each half the one before.

    Slices that are too small for the coarsest scale are padded, so any size will do. The defaults are the published ones of
    Yao et al. 2022; with one scale it is the PatchGAN of Isola et al. 2017.

    Args:
        channels: of the images.
        width: channels of the first layer; each further layer doubles them, up to 8 times.
        steps: how often a scale halves the size.
        scales: number of scales.
    """

    def __init__(self, channels: int = 1, width: int = 32, steps: int = 5, scales: int = 3) -> None:
        super().__init__()
        # Instance normalisation needs two pixels after the last step of the coarsest scale.
        self.smallest = 2 ** (steps + scales)
        self.scales = nn.ModuleList(_patch_judge(channels, width, steps) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Slices (N, C, H, W) to one map of judgements (N, 1, h, w) for each scale."""
        x = padded_to(x, self.smallest)
        judgements = []
        for scale in self.scales:
            judgements.append(scale(x))
            x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return judgements


class ContentDiscriminator(nn.Module):
    """Tells from content which domain it is of, in patches, so that content of any size will do.

    The published network ends in one number and therefore takes 512x512 slices only; this one keeps its 7x7 convolutions of
    stride 2 and judges every place.

    Args:
        width: channels of the content.
        steps: how often the size is halved.
    """

    def __init__(self, width: int = 128, steps: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(steps):
            # One group over all channels works on a single pixel too, which instance normalisation does not.
            layers += [nn.Conv2d(width, width, 7, 2, padding=3), nn.GroupNorm(1, width), nn.LeakyReLU(_SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, content: Tensor) -> list[Tensor]:
        """Content (N, width, h, w) to one map of judgements, in a list as the multi-scale one gives them."""
        return [self.layers(content)]


def judged_as(judgements: Sequence[Tensor], wanted: float) -> Tensor:
    """Least-squares loss: mean squared distance from ``wanted`` (1 for real, 0 for made), the scales added up."""
    return torch.stack([(judgement.float() - wanted).square().mean() for judgement in judgements]).sum()


def _patch_judge(channels: int, width: int, steps: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, padding=1), nn.LeakyReLU(_SLOPE)]
    before = width
    for _ in range(steps - 1):
        after = min(2 * before, 8 * width)
        layers += [nn.Conv2d(before, after, 4, 2, padding=1), nn.InstanceNorm2d(after, affine=True), nn.LeakyReLU(_SLOPE)]
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 1))
