"""Vectors that stand for an image when images are compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.tasks import TaskSpec

_QUANTILES = np.linspace(0.02, 0.98, 17)
# So many voxels tell a quantile to a hundredth, and sorting them costs next to nothing.
_MOST_VOXELS = 10_000
_THUMBNAIL = {2: 8, 3: 5}


def style(image: Tensor) -> np.ndarray:
    """How an image looks, whatever it shows: quantiles of its intensities and of their steps from voxel to voxel.

    Args:
        image: (channels, \\*spatial), prepared.

    Returns:
        (34 channels,), float32.
    """
    found = []
    for channel in image.cpu():
        steps = [channel.diff(dim=axis).abs().flatten() for axis in range(channel.ndim) if channel.shape[axis] > 1]
        found += [_quantiles(channel.flatten()), _quantiles(torch.cat(steps))]
    return np.concatenate(found).astype(np.float32)


def appearance(image: Tensor, its_style: np.ndarray) -> np.ndarray:
    """What can be said of an image before any network has learnt: a thumbnail and the style.

    Args:
        image: (channels, \\*spatial), prepared.
        its_style: what :func:`style` gives for it.
    """
    edge = _THUMBNAIL[image.ndim - 1]
    pool = F.adaptive_avg_pool2d if image.ndim == 3 else F.adaptive_avg_pool3d
    thumbnail = pool(image[None].cpu().float(), edge).flatten().numpy()
    return np.concatenate([thumbnail, its_style]).astype(np.float32)


class DeepFeatures:
    """The innermost maps of a segmentation network, averaged over space.

    Which module makes them is found by a look at an empty patch: the last one among those whose output has the fewest
    places. A network may have none.

    Args:
        task: a segmentation.
        network: in evaluation mode.
    """

    def __init__(self, task: TaskSpec, network: nn.Module) -> None:
        device = next(network.parameters()).device
        patch = torch.zeros(1, task.channels, *task.patch, device=device)
        places: list[tuple[int, int, nn.Module]] = []

        def note(module: nn.Module, _: object, output: object) -> None:
            if isinstance(output, Tensor) and output.ndim == patch.ndim and output.shape[1] > 1:
                places.append((output[0, 0].numel(), len(places), module))

        hooks = [module.register_forward_hook(note) for module in network.modules() if not list(module.children())]
        with torch.inference_mode():
            network(patch)
        for hook in hooks:
            hook.remove()
        fewest = min((count for count, _, _ in places), default=0)
        self._module = next((module for count, _, module in reversed(places) if count == fewest), None)

    @contextmanager
    def collected(self) -> Iterator[list[Tensor]]:
        """While the context lasts, whatever the network sees adds one (windows, features) tensor to the list.

        The list stays empty where the network has no maps.
        """
        seen: list[Tensor] = []
        if self._module is None:
            yield seen
            return
        hook = self._module.register_forward_hook(
            lambda module, inputs, output: seen.append(output.detach().flatten(2).mean(dim=2).float().cpu())
        )
        try:
            yield seen
        finally:
            hook.remove()


def gradient_embedding(features: np.ndarray, doubts: np.ndarray) -> np.ndarray:
    """The gradient of the last layer if the network's own answer were the truth (BADGE: Ash et al. 2020).

    For a classifier with features h and probabilities p that answers y, the gradient of the cross-entropy by the weights of
    the last layer is (p - onehot(y)) h^T. For a segmentation ``doubts`` holds, for each structure, the mean of 1 - p over
    the voxels that were given to it, in the place of p - onehot(y).

    Args:
        features: (d,).
        doubts: (outputs,).

    Returns:
        (outputs d,), float32.
    """
    return np.outer(doubts, features).ravel().astype(np.float32)


def _quantiles(values: Tensor) -> np.ndarray:
    return np.quantile(values[:: max(1, values.numel() // _MOST_VOXELS)].float().numpy(), _QUANTILES)
