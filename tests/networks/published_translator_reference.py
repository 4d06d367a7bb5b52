"""A second, plain multi-style translator with the parameter names of the published checkpoints, to compare with.

Written from the description in Yao et al. 2022 and the names in the checkpoints, sharing no code with the package: layers in
one sequence, adaptive normalisation with its unused buffers, one slice at a time.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Styled(nn.Module):
    """Adaptive instance normalisation of one slice; bias and gain are set from outside."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)
        variance = x.var(dim=(2, 3), keepdim=True, unbiased=False)
        normal = (x - mean) / torch.sqrt(variance + 1e-5)
        return normal * (self.gain + 1).reshape(1, -1, 1, 1) + self.bias.reshape(1, -1, 1, 1)


def plain(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True)


class Residual(nn.Module):
    def __init__(self, width: int, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1)
        self.norm1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.norm2 = norm(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.leaky_relu(self.norm1(x), 0.2))
        y = self.conv2(F.leaky_relu(self.norm2(y), 0.2))
        return (x + y) / 2**0.5


def layer(n_in: int, n_out: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, kernel, stride, padding), plain(n_out), nn.LeakyReLU(0.2)]


class Content(nn.Module):
    def __init__(self):
        super().__init__()
        down = [*layer(1, 32, 7, 1, 3), *layer(32, 64, 4, 2, 1), *layer(64, 128, 4, 2, 1)]
        self.main = nn.Sequential(*down, *[Residual(128, plain) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class Style(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [32, 64, 128, 128, 128, 128]
        layers = layer(1, 32, 7, 1, 3)
        for n_in, n_out in pairwise(widths):
            layers += layer(n_in, n_out, 4, 2, 1)
        self.model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Conv2d(128, 8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[:, :, 0, 0]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        act = nn.LeakyReLU(0.2)
        up = nn.Upsample(scale_factor=2)
        self.main = nn.Sequential(
            *[Residual(128, Styled) for _ in range(4)],
            Styled(128), act, up, nn.Conv2d(128, 64, 5, 1, 2),
            Styled(64), act, up, nn.Conv2d(64, 32, 5, 1, 2),
            Styled(32), act, nn.Conv2d(32, 1, 7, 1, 3), nn.Tanh(),
        )  # fmt: skip
        self.norms = [part for part in self.main.modules() if isinstance(part, Styled)]
        count = 2 * sum(norm.width for norm in self.norms)
        self.mlp = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, count))

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        numbers = self.mlp(style)[0]
        for norm in self.norms:
            norm.bias, norm.gain, numbers = (
                numbers[: norm.width],
                numbers[norm.width : 2 * norm.width],
                numbers[2 * norm.width :],
            )
        return self.main(content)


def published_parts(seed: int) -> dict[str, nn.Module]:
    """The four parts with random weights, normalisations included."""
    torch.manual_seed(seed)
    parts = {"enc_c": Content(), "enc_s_a": Style(), "enc_s_b": Style(), "dec": Decoder()}
    for part in parts.values():
        for parameter in part.parameters():
            if parameter.ndim == 1:
                nn.init.normal_(parameter, 0.5, 0.3)
    return parts
