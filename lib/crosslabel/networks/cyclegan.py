"""Translation with two generators that undo each other.

Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", ICCV.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

_STEPS = 2


class CycleGAN(nn.Module):
    """A generator for each direction: a (source) to b (target) and back.

    It offers what :class:`crosslabel.networks.translation.Translator` asks for, with an empty style code: it knows one look of
    the target domain.

    Args:
        channels: of the images.
        width: channels of the first layers.
        blocks: residual blocks of each generator; the paper has 6 for 128x128 and 9 for larger images.
    """

    style_size = 0

    def __init__(self, channels: int = 1, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.to_b = ResNetGenerator(channels, width, blocks)
        self.to_a = ResNetGenerator(channels, width, blocks)

    def target_style(self, target: Tensor) -> Tensor:
        """Empty codes, (N, 0)."""
        return target.new_zeros(len(target), 0)

    def translate(self, source: Tensor, style: Tensor) -> Tensor:
        """Source slices (N, C, H, W) of any size, in [-1, 1], in the look of the target domain."""
        return self.to_b(source)


class ResNetGenerator(nn.Module):
    """Two halvings, residual blocks, two doublings; (N, C, H, W) of any size to the same shape in [-1, 1]."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        layers = [*_layer(nn.Conv2d(channels, width, 7, padding=3, padding_mode="replicate"))]
        for step in range(_STEPS):
            layers += _layer(nn.Conv2d(width * 2**step, width * 2 ** (step + 1), 3, stride=2, padding=1))
        layers += [ResidualBlock(width * 2**_STEPS) for _ in range(blocks)]
        for step in reversed(range(_STEPS)):
            # Doubling and then convolving leaves no checkerboard, as a transposed convolution does (Odena et al. 2016).
            layers += [nn.Upsample(scale_factor=2), *_layer(nn.Conv2d(width * 2 ** (step + 1), width * 2**step, 3, padding=1))]
        layers += [nn.Conv2d(width, channels, 7, padding=3, padding_mode="replicate"), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        padded = F.pad(x, (0, -width % 2**_STEPS, 0, -height % 2**_STEPS), mode="replicate")
        return self.layers(padded)[..., :height, :width]


class ResidualBlock(nn.Module):
    """The input plus two normalised 3x3 convolutions of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate"),
            nn.InstanceNorm2d(width, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _layer(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.InstanceNorm2d(convolution.out_channels, affine=True), nn.ReLU()
