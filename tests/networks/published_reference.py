"""A second, plain DAR-UNet with the parameter names of the published checkpoints, to compare with.

Written from the description in Yao et al. 2022 and the names in the checkpoints, sharing no code with the
package: attention by transposing, levels spelled out. It accepts the sizes that the published network
accepts: depth a multiple of 4, height and width of 16.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128, 256)
STEPS = ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))


def norm_act(width: int) -> list[nn.Module]:
    return [nn.GroupNorm(width // 8, width), nn.LeakyReLU(0.01)]


def conv(n_in: int, n_out: int, step=1) -> nn.Conv3d:
    return nn.Conv3d(n_in, n_out, kernel_size=3, stride=step, padding=1)


class Branch(nn.Module):
    def __init__(self, axis: int):
        super().__init__()
        self.axis = axis
        convolution = nn.Conv3d(2, 1, 7, padding=3, bias=False)
        self.compress = nn.Sequential(nn.Identity(), convolution, nn.BatchNorm3d(1, momentum=0.01), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, self.axis)
        pooled = torch.cat([x.max(dim=1, keepdim=True)[0], x.mean(dim=1, keepdim=True)], dim=1)
        return (x * self.compress(pooled)).transpose(1, self.axis)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.branchs = nn.ModuleList([Branch(1), Branch(2), Branch(3), Branch(4)])

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([branch(x) for branch in self.branchs]).mean(dim=0)


class Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, step=1, image: bool = False):
        super().__init__()
        layers = [conv(n_in, n_out, step), *norm_act(n_out), conv(n_out, n_out), *norm_act(n_out)]
        self.conv_block = nn.Sequential(*([] if image else norm_act(n_in)), *layers, conv(n_out, n_out))
        self.conv_skip = nn.Sequential(conv(n_in, n_out, step), norm_act(n_out)[0])
        self.qam = Attention()

    def forward(self, x: Tensor) -> Tensor:
        return self.qam(self.conv_block(x) + self.conv_skip(x))


class Up(nn.Module):
    def __init__(self, fine: int, coarse: int, step: tuple[int, int, int]):
        super().__init__()
        self.conv_encoder = nn.Sequential(*norm_act(fine), conv(fine, coarse), nn.MaxPool3d(step))
        self.conv_decoder = nn.Sequential(*norm_act(coarse), conv(coarse, coarse))
        self.conv_attn = nn.Sequential(*norm_act(coarse), nn.Conv3d(coarse, 1, kernel_size=1))
        extra = tuple(s - 1 for s in step)
        self.upsample = nn.ConvTranspose3d(coarse, coarse, 3, stride=step, padding=1, output_padding=extra)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        gate = self.conv_attn(self.conv_encoder(skip) + self.conv_decoder(below))
        return torch.cat([self.upsample(gate * below), skip], dim=1)


class PublishedDARUNet(nn.Module):
    def __init__(self, num_classes: int):
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.L1_fromimg = Block(1, a, image=True)
        self.L2_down = Block(a, b, STEPS[0])
        self.L3_down = Block(b, c, STEPS[1])
        self.L4_down = Block(c, d, STEPS[2])
        self.L5_down = Block(d, e, STEPS[3])
        self.vam4, self.L4_up = Up(d, e, STEPS[3]), Block(d + e, d)
        self.vam3, self.L3_up = Up(c, d, STEPS[2]), Block(c + d, c)
        self.vam2, self.L2_up = Up(b, c, STEPS[1]), Block(b + c, b)
        self.vam1, self.L1_up = Up(a, b, STEPS[0]), Block(a + b, a)
        self.sides = nn.ModuleList([conv(width, num_classes) for width in WIDTHS])
        self.outconv = conv(5 * num_classes, num_classes)

    def forward(self, x: Tensor) -> list[Tensor]:
        e1 = self.L1_fromimg(x)
        e2 = self.L2_down(e1)
        e3 = self.L3_down(e2)
        e4 = self.L4_down(e3)
        d5 = self.L5_down(e4)
        d4 = self.L4_up(self.vam4(e4, d5))
        d3 = self.L3_up(self.vam3(e3, d4))
        d2 = self.L2_up(self.vam2(e2, d3))
        d1 = self.L1_up(self.vam1(e1, d2))
        heads = [side(features) for side, features in zip(self.sides, (d1, d2, d3, d4, d5), strict=True)]
        heads = [F.interpolate(head, x.shape[2:], mode="trilinear", align_corners=False) for head in heads]
        return [self.outconv(torch.cat(heads, dim=1)), *heads]


def randomise(network: nn.Module, seed: int) -> None:
    """Give every norm a scale, a shift and running statistics that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.GroupNorm, nn.BatchNorm3d)):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.3, generator=generator)
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
