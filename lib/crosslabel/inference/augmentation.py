"""Test-time augmentation: what a network says of several views of one image, and how far these agree.

Wang et al. 2019, "Aleatoric uncertainty estimation with test-time augmentation for medical image segmentation with
convolutional neural networks", Neurocomputing; Roy et al. 2019, "Bayesian QuickNAT: Model uncertainty in deep whole-brain
segmentation for structure-wise quality control", NeuroImage, for the agreement of structures as an estimate of quality.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from crosslabel.inference.window import SlidingWindow
from crosslabel.tasks import TaskSpec


class View(Protocol):
    """A change of an image that leaves its structures what they are."""

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """(channels, \\*spatial) -> the view."""
        ...

    def undo(self, maps: torch.Tensor) -> torch.Tensor:
        """(K, \\*spatial of the view) -> on the grid of the image."""
        ...


@dataclass(frozen=True)
class Intensity:
    """Another look; the grid stays."""

    change: Callable[[torch.Tensor], torch.Tensor]

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.change(tensor)

    def undo(self, maps: torch.Tensor) -> torch.Tensor:
        return maps


@dataclass(frozen=True)
class Flip:
    """Mirrored along a spatial axis."""

    axis: int

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.flip(self.axis + 1)

    def undo(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.flip(self.axis + 1)


@dataclass(frozen=True)
class Shift:
    """Moved by some voxels along every axis (the border is continued): other windows, other places in them."""

    voxels: int

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        return F.pad(tensor[None], [self.voxels, 0] * (tensor.ndim - 1), mode="replicate")[0]

    def undo(self, maps: torch.Tensor) -> torch.Tensor:
        return maps[(slice(None), *[slice(self.voxels, None)] * (maps.ndim - 1))]


def standard_views(task: TaskSpec) -> tuple[View, ...]:
    """The image itself first; moved; darker and brighter; and mirrored where the task allows it."""
    return (
        Shift(0),
        Shift(3),
        Intensity(lambda tensor: _gamma(tensor, 0.75)),
        Intensity(lambda tensor: _gamma(tensor, 1.35)),
        *(Flip(axis) for axis in task.training.flip_axes),
    )


@dataclass(frozen=True, eq=False)
class Opinions:
    """What a network says of several views.

    Attributes:
        mean: (K, \\*spatial) mean probabilities, on the CPU.
        votes: (views, \\*spatial) output-channel index of each view, uint8.
    """

    mean: torch.Tensor
    votes: np.ndarray

    @property
    def indices(self) -> np.ndarray:
        """(\\*spatial) index of the largest mean probability, uint8."""
        return self.mean.argmax(dim=0).numpy().astype(np.uint8)

    def uncertainty(self) -> torch.Tensor:
        """(1, \\*spatial) entropy of the mean probabilities, 0 (sure) to 1 (all outputs are as likely)."""
        entropy = -(self.mean * self.mean.clamp(min=1e-8).log()).sum(dim=0, keepdim=True)
        return (entropy / math.log(self.mean.shape[0])).clamp(0, 1)

    def agreement(self, index: int) -> float | None:
        """Mean Dice of a structure over all pairs of views, 0 to 1; ``None`` where no view has it."""
        masks = [vote == index for vote in self.votes]
        sizes = [int(mask.sum()) for mask in masks]
        if not any(sizes):
            return None
        pairs = list(combinations(range(len(masks)), 2))
        dice = [_dice(masks[a], masks[b], sizes[a] + sizes[b]) for a, b in pairs]
        return float(np.mean(dice)) if dice else 1.0

    def share(self) -> np.ndarray:
        """(\\*spatial) share of the views that vote for :attr:`indices`."""
        return (self.votes == self.indices).mean(axis=0, dtype=np.float32)


@torch.inference_mode()
def ask(network: nn.Module, tensor: torch.Tensor, window: SlidingWindow, views: Sequence[View]) -> Opinions:
    """Predict every view of a prepared image (channels, \\*spatial), one after the other."""
    total: torch.Tensor | None = None
    votes = []
    for view in views:
        probabilities = view.undo(window(network, view.apply(tensor)).cpu())
        votes.append(probabilities.argmax(dim=0).numpy().astype(np.uint8))
        total = probabilities if total is None else total + probabilities
    if total is None:
        raise ValueError("at least one view is needed")
    return Opinions(total / len(votes), np.stack(votes))


def _gamma(tensor: torch.Tensor, gamma: float) -> torch.Tensor:
    """Grey values bent between the image's own darkest and brightest."""
    low, high = tensor.amin(), tensor.amax()
    if high <= low:
        return tensor
    return ((tensor - low) / (high - low)) ** gamma * (high - low) + low


def _dice(first: np.ndarray, second: np.ndarray, sizes: int) -> float:
    return 2 * int((first & second).sum()) / sizes if sizes else 1.0
