"""Pooling, convolution and gating for quad attention, with gradients written by hand.

Left to autograd, pooling over four axes and gating along four axes keep or create about a dozen tensors of
the size of the features, and the gradient of a convolution with very few channels is slow on a CPU. The three
operations here compute the same values and gradients with one tensor of that size, the gradient itself, and with
forward convolutions alone. They can be differentiated once.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class AxisPooling(Function):
    """The features, and their maximum and mean over each axis but the batch's: a map for each pooled axis.

    For x of shape (N, C, D, H, W) the maps have shapes (N, 2, D, H, W), (N, 2, C, H, W), (N, 2, C, D, W) and
    (N, 2, C, D, H); the first of the two channels is the maximum. Where a maximum is reached several times,
    its gradient goes to one of them.

    The features are handed on so that what becomes of them has its gradient before this operation has, which adds to
    it in place. So nothing but :class:`MeanGating`, whose gradient is its own, may take them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, ...]:
        maps, positions = [], []
        for axis in range(1, x.ndim):
            if ctx.needs_input_grad[0]:
                maximum, position = x.max(axis)
                positions.append(position)
            else:
                maximum = x.amax(axis)
            maps.append(torch.stack((maximum, x.mean(axis)), dim=1))
        ctx.save_for_backward(*positions)
        return x.view_as(x), *maps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *map_gradients: Tensor) -> Tensor:
        pooled = zip(ctx.saved_tensors, map_gradients, strict=True)
        for axis, (position, of_map) in enumerate(pooled, start=1):
            of_maximum, of_mean = of_map.unsqueeze(axis + 1).unbind(1)
            gradient += of_mean / gradient.shape[axis]
            position = position.unsqueeze(axis)
            # Each line along the axis has one maximum, so gather and scatter never meet: unlike scatter_add,
            # the result does not depend on the order of threads on a GPU.
            gradient.scatter_(axis, position, gradient.gather(axis, position) + of_maximum)
        return gradient


class SameConvolution(Function):
    """3-D cross-correlation with an odd kernel, zero padding to the same size, stride 1 and no bias.

    The gradient of its input is written as another forward convolution, with the flipped kernel: for two
    channels to one, 7x7x7, that is ten times faster on a CPU than the transposed convolution that autograd
    would run. On a CPU the gradient of the weight, a correlation of two whole maps of which a few offsets are wanted,
    goes through their Fourier transforms: 10 to 19 times faster there than the convolution, from 48x48 voxels on.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _same_convolution(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        # Under mixed precision the output, and so its gradient, may be narrower than what was saved.
        x, weight = (saved.to(gradient.dtype) for saved in ctx.saved_tensors)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _same_convolution(gradient, weight.flip(2, 3, 4).transpose(0, 1))
        if ctx.needs_input_grad[1]:
            of_weight = _weight_gradient(x, weight.shape, gradient)
        return of_x, of_weight


class MeanGating(Function):
    """y = x * mean of the gates, each of size 1 along one axis of x, in order from the channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *gates: Tensor) -> Tensor:
        ctx.save_for_backward(x, *gates)
        return _mean_of_gates(gates, torch.empty_like(x)).mul_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, *gates = ctx.saved_tensors
        buffer = gradient * x
        of_gates = [buffer.sum(axis, keepdim=True).div_(len(gates)) for axis in range(1, x.ndim)]
        of_x = _mean_of_gates(gates, buffer).mul_(gradient)
        return of_x, *of_gates


def _same_padding(kernel: torch.Size) -> list[int]:
    return [size // 2 for size in kernel]


def _same_convolution(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv3d(x, weight, padding=_same_padding(weight.shape[2:]))


def _weight_gradient(x: Tensor, shape: torch.Size, gradient: Tensor) -> Tensor:
    """d loss / d weight of a :func:`_same_convolution`, for a weight of (out, in, kernel)."""
    if x.device.type != "cpu":
        return torch.nn.grad.conv3d_weight(x, shape, gradient, padding=_same_padding(shape[2:]))
    axes, reach = (-3, -2, -1), _same_padding(shape[2:])
    # Transforms are periodic: with so much room behind the maps, no wanted offset reaches round to the other end.
    room = [next_fast_len(max(size, far + 1) + far, real=True) for size, far in zip(x.shape[2:], reach, strict=True)]
    spectrum: Tensor | int = 0
    # One image at a time, so that the memory does not grow with the batch.
    for maps, of_maps in zip(_wide(x), _wide(gradient), strict=True):
        transformed = torch.fft.rfftn(maps, room, dim=axes)
        spectrum = spectrum + torch.fft.rfftn(of_maps, room, dim=axes).conj().unsqueeze(1) * transformed
    correlation = torch.fft.irfftn(spectrum, room, dim=axes)
    for axis, far in zip(axes, reach, strict=True):
        correlation = correlation.roll(far, axis).narrow(axis, 0, 2 * far + 1)
    return correlation.to(gradient.dtype)


def _wide(x: Tensor) -> Tensor:
    """At least float32, which transforms need."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _mean_of_gates(gates: list[Tensor] | tuple[Tensor, ...], out: Tensor) -> Tensor:
    first, second, *others = (gate / len(gates) for gate in gates)
    torch.add(first, second, out=out)
    for gate in others:
        out += gate
    return out
