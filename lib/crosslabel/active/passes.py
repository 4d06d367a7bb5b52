"""Several looks of a network at the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Predict = Callable[[nn.Module, Tensor], Tensor]
"""Network and images (batch, channels, \\*spatial) -> probabilities (batch, outputs, \\*spatial) or (batch, outputs)."""

Passes = Iterator[Tensor]


def plain(network: nn.Module, images: Tensor, predict: Predict) -> Tensor:
    """One look as in inference."""
    return predict(network, images)


def with_dropout(network: nn.Module, images: Tensor, predict: Predict, *, count: int, seed: int, rate: float = 0.1) -> Passes:
    """Looks with random parts of the network switched off (Gal and Ghahramani 2016).

    The network's own dropout layers are used. One that has none gets channel dropout behind its convolutions, the last
    excepted, which decides (Tompson et al. 2015).

    Args:
        network: in evaluation mode, to which it is brought back.
        images: (batch, channels, \\*spatial).
        predict: see :data:`Predict`.
        count: number of looks.
        seed: of what is dropped.
        rate: share of channels to drop where the network has no dropout.
    """
    device = images.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), _dropping(network, rate):
        torch.manual_seed(seed)
        for _ in range(count):
            yield predict(network, images)


def with_augmentation(
    network: nn.Module, images: Tensor, predict: Predict, *, count: int, seed: int, flip_axes: Sequence[int] = ()
) -> Passes:
    """Looks at slightly changed images, each brought back to the image's place (Wang et al. 2019).

    Contrast, brightness and noise change, and the place by up to two voxels; axes are flipped only where the task allows it.

    Args:
        network: in evaluation mode.
        images: (batch, channels, \\*spatial), intensities near -1 to 1.
        predict: see :data:`Predict`.
        count: number of looks.
        seed: of what is changed.
        flip_axes: spatial axes that may be mirrored.
    """
    rng = np.random.default_rng(seed)
    spatial = range(2, images.ndim)
    for number in range(count):
        noise = torch.from_numpy(rng.normal(0, 0.05, tuple(images.shape)).astype(np.float32)).to(images.device)
        changed = images * float(rng.uniform(0.85, 1.15)) + float(rng.uniform(-0.1, 0.1)) + noise
        shift = [int(step) for step in rng.integers(-2, 3, len(spatial))]
        flips = [axis + 2 for axis in flip_axes if (number + axis) % 2 == 0]
        moved = torch.flip(torch.roll(changed, shift, list(spatial)), flips)
        probabilities = predict(network, moved)
        if probabilities.ndim == images.ndim:
            probabilities = torch.roll(torch.flip(probabilities, flips), [-step for step in shift], list(spatial))
        yield probabilities


def of_ensemble(networks: Sequence[nn.Module], images: Tensor, predict: Predict) -> Passes:
    """One look of each of several networks (Lakshminarayanan et al. 2017)."""
    for network in networks:
        yield predict(network, images)


@contextmanager
def _dropping(network: nn.Module, rate: float) -> Iterator[None]:
    own = [module for module in network.modules() if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0]
    with ExitStack() as stack:
        for module in own:
            module.train()
            stack.callback(module.eval)
        if not own:
            convolutions = [module for module in network.modules() if isinstance(module, nn.modules.conv._ConvNd)]
            for convolution in convolutions[:-1]:
                hook = convolution.register_forward_hook(lambda module, inputs, output: _drop_channels(output, rate))
                stack.callback(hook.remove)
        yield


def _drop_channels(output: Tensor, rate: float) -> Tensor:
    kept = F.dropout(output.new_ones(output.shape[:2]), rate, training=True)
    return output * kept.reshape(*output.shape[:2], *([1] * (output.ndim - 2)))
