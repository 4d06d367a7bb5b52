"""Translation of slices from one domain to another in many styles.

Yao et al. 2022, "A Novel 3D Unsupervised Domain Adaptation Framework for Cross-Modality Medical Image Segmentation", IEEE
Journal of Biomedical and Health Informatics, after MUNIT (Huang et al. 2018, "Multimodal Unsupervised Image-to-Image
Translation", ECCV): what is shown (content) is separated from how it looks (style).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.networks.published_translator import read_published_translator

STYLE_SIZE = 8
PUBLISHED_WIDTH = 32
PUBLISHED_CONTENT_STEPS = 2
_SLOPE = 0.2


class Translator(Protocol):
    """What restyling needs of a network that translates slices, whatever it is inside."""

    style_size: int
    """Numbers in a style code; 0 for a network that knows one style only."""

    def target_style(self, target: Tensor) -> Tensor:
        """Style codes (N, style_size) of target slices (N, C, H, W)."""
        ...

    def translate(self, source: Tensor, style: Tensor) -> Tensor:
        """Source slices (N, C, H, W) of any size, in [-1, 1], as they would look in the target domain, in [-1, 1]."""
        ...


class MultiStyleTranslator(nn.Module):
    """One content encoder for both domains, a style encoder for each, and one decoder.

    Images are (N, channels, H, W) in [-1, 1]; H and W have to be multiples of ``2 ** content_steps`` except for
    :meth:`translate`, which pads and crops. The defaults are the published size.

    Args:
        channels: of the images.
        width: channels of the first layers; all others are multiples of it.
        blocks: residual blocks of the content encoder, and of the decoder.
        style_steps: how often the style encoders halve the size.
        content_steps: how often the content encoder does. On coarse
            grids, where organs are a few pixels wide, fewer steps keep organs in place.
        style_norm: whether the style encoders normalise each slice, as the published ones do. That removes its brightness and
            contrast, which are much of its style, so that the codes of a short training hardly differ; MUNIT leaves it out.
    """

    style_size = STYLE_SIZE

    def __init__(
        self,
        channels: int = 1,
        width: int = PUBLISHED_WIDTH,
        blocks: int = 4,
        style_steps: int = 5,
        content_steps: int = PUBLISHED_CONTENT_STEPS,
        *,
        style_norm: bool = True,
    ) -> None:
        super().__init__()
        self.content_steps = content_steps
        self.content = ContentEncoder(channels, width, blocks, content_steps)
        self.style_a = StyleEncoder(channels, width, style_steps, style_norm)
        self.style_b = StyleEncoder(channels, width, style_steps, style_norm)
        self.decoder = StyledDecoder(channels, width, blocks, content_steps)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="leaky_relu")

    @classmethod
    def from_published(cls, path: str | Path) -> MultiStyleTranslator:
        """The translator of a published checkpoint, in evaluation mode.

        Args:
            path: a file of ``torch.save`` with the state dicts ``enc_c``, ``enc_s_a``, ``enc_s_b`` and ``dec``.

        Raises:
            CheckpointError: the file is missing, is not such a checkpoint, would run code when read, or does not fit.
        """
        network = cls()
        network.load_state_dict(read_published_translator(path, network.state_dict()))
        return network.eval()

    def target_style(self, target: Tensor) -> Tensor:
        """Style codes (N, 8) of slices of the target domain (b)."""
        return self.style_b(target)

    def translate(self, source: Tensor, style: Tensor) -> Tensor:
        """Source slices (N, C, H, W) of any size in the look of style codes (N, 8)."""
        height, width = source.shape[2:]
        step = 2**self.content_steps
        padded = F.pad(source, (0, -width % step, 0, -height % step), mode="replicate")
        return self.decoder(self.content(padded), style)[..., :height, :width]


class ContentEncoder(nn.Module):
    """Slices (N, C, H, W) to what they show, (N, 2^s width, H / 2^s, W / 2^s) after s steps."""

    def __init__(self, channels: int, width: int, blocks: int, steps: int) -> None:
        super().__init__()
        self.stem = _convolution(channels, width, 7, 1)
        widths = [width * 2**step for step in range(steps + 1)]
        self.steps = nn.ModuleList(_convolution(fine, coarse, 4, 2) for fine, coarse in pairwise(widths))
        self.blocks = nn.ModuleList(ContentBlock(widths[-1]) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in (*self.steps, *self.blocks):
            x = layer(x)
        return x


class StyleEncoder(nn.Module):
    """Slices (N, C, H, W) to style codes (N, 8); at least ``2 ** (steps + 1)`` pixels wide, smaller ones are padded."""

    def __init__(self, channels: int, width: int, steps: int, normalised: bool) -> None:
        super().__init__()
        widths = [width * min(2**step, 4) for step in range(steps + 1)]
        self.smallest = 2 ** (steps + 1)
        self.stem = _convolution(channels, width, 7, 1, normalised)
        self.steps = nn.ModuleList(_convolution(fine, coarse, 4, 2, normalised) for fine, coarse in pairwise(widths))
        self.code = nn.Conv2d(widths[-1], STYLE_SIZE, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(padded_to(x, self.smallest))
        for layer in self.steps:
            x = layer(x)
        return self.code(x.mean(dim=(2, 3), keepdim=True)).flatten(1)


class StyledDecoder(nn.Module):
    """Content (N, 2^s width, H / 2^s, W / 2^s) and style codes (N, 8) to slices (N, C, H, W) in [-1, 1].

    A small perceptron turns the style into a bias and a gain for every channel of every normalisation: adaptive instance
    normalisation (Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization").
    """

    def __init__(self, channels: int, width: int, blocks: int, steps: int) -> None:
        super().__init__()
        widths = [width * 2**step for step in reversed(range(steps + 1))]
        self.blocks = nn.ModuleList(StyledBlock(widths[0]) for _ in range(blocks))
        self.steps = nn.ModuleList(nn.Conv2d(coarse, fine, 5, padding=2) for coarse, fine in pairwise(widths))
        self.image = nn.Conv2d(width, channels, 7, padding=3)
        self.normalised = [widths[0]] * (2 * blocks) + widths
        self.mlp = nn.Sequential(
            nn.Linear(STYLE_SIZE, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 2 * sum(self.normalised))
        )

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        # Each normalisation takes its biases, then its gains, in the order in which it is met.
        parameters = iter(self.mlp(style)[..., None, None].split([size for n in self.normalised for size in (n, n)], dim=1))
        x = content
        for block in self.blocks:
            x = block(x, parameters)
        x = F.leaky_relu(adaptive_instance_norm(x, next(parameters), next(parameters)), _SLOPE)
        for step in self.steps:
            x = step(F.interpolate(x, scale_factor=2.0))
            x = F.leaky_relu(adaptive_instance_norm(x, next(parameters), next(parameters)), _SLOPE)
        return self.image(x).tanh()


class ContentBlock(nn.Module):
    """Two normalised 3x3 convolutions plus the input, divided by the root of two to keep the variance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.InstanceNorm2d(width, affine=True) for _ in range(2))
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.leaky_relu(self.norm1(x), _SLOPE))
        return (x + self.conv2(F.leaky_relu(self.norm2(inner), _SLOPE))) / math.sqrt(2)


class StyledBlock(nn.Module):
    """The same, normalised by adaptive instance normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor, parameters: Iterator[Tensor]) -> Tensor:
        inner = self.conv1(F.leaky_relu(adaptive_instance_norm(x, next(parameters), next(parameters)), _SLOPE))
        inner = self.conv2(F.leaky_relu(adaptive_instance_norm(inner, next(parameters), next(parameters)), _SLOPE))
        return (x + inner) / math.sqrt(2)


def adaptive_instance_norm(x: Tensor, bias: Tensor, gain: Tensor) -> Tensor:
    """Every channel of every image brought to mean ``bias`` and deviation ``1 + gain``, both (N, C, 1, 1)."""
    return F.instance_norm(x) * (1 + gain) + bias


def padded_to(x: Tensor, smallest: int) -> Tensor:
    """Continue the border of images (N, C, H, W) that are smaller than ``smallest`` pixels."""
    height, width = (max(0, smallest - size) for size in x.shape[2:])
    return F.pad(x, (0, width, 0, height), mode="replicate") if height or width else x


def _convolution(before: int, after: int, kernel: int, stride: int, normalised: bool = True) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding=(kernel - 1) // 2),
        nn.InstanceNorm2d(after, affine=True) if normalised else nn.Identity(),
        nn.LeakyReLU(_SLOPE),
    )
