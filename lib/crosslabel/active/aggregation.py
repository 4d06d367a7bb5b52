"""From a map of uncertainty to one number for an image, so that a large background does not drown a small organ."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# A voxel belongs to the surroundings of a structure where the network gives it at least this probability.
_SURROUNDINGS = 0.1
_LARGEST_SHARE = 0.01


def by_class(uncertainty: Tensor, probabilities: Tensor) -> Tensor:
    """Mean uncertainty in the surroundings of each structure, class by class.

    The mean over a whole volume is the uncertainty of its background, which is most of it. Here each structure is looked at
    where it may be, whatever its size (class-stratified, as in ClaSP PE, arXiv 2601.13677).

    Args:
        uncertainty: (\\*spatial).
        probabilities: (outputs, \\*spatial), background first.

    Returns:
        (outputs - 1,), nan for a structure that is nowhere.
    """
    means = []
    for probability in probabilities[1:]:
        there = uncertainty[probability >= _SURROUNDINGS]
        means.append(there.mean() if there.numel() else torch.tensor(math.nan, device=uncertainty.device))
    return torch.stack(means)


def decided(probabilities: Tensor) -> Tensor:
    """The most probable output of each voxel, as ``argmax`` over the first axis, which PyTorch walks over slowly.

    Args:
        probabilities: (outputs, \\*spatial).
    """
    best, index = probabilities[0], torch.zeros_like(probabilities[0], dtype=torch.long)
    for number, probability in enumerate(probabilities[1:], start=1):
        higher = probability > best
        best = torch.where(higher, probability, best)
        index.masked_fill_(higher, number)
    return index


def foreground_aware(uncertainty: Tensor, probabilities: Tensor) -> float:
    """Mean over the structures of :func:`by_class`; where the network sees none, over the most uncertain hundredth."""
    return mean_of_classes(by_class(uncertainty, probabilities), uncertainty)


def mean_of_classes(classes: Tensor, uncertainty: Tensor) -> float:
    """:func:`foreground_aware` from what :func:`by_class` gave for the same map."""
    if not classes.isnan().all():
        return float(classes.nanmean())
    most = max(1, int(uncertainty.numel() * _LARGEST_SHARE))
    return float(uncertainty.flatten().topk(most).values.mean())


def expected_dice(probabilities: Tensor) -> float:
    """The Dice that the network expects of its own answer, mean over the structures that it sees.

    For a structure with probabilities p and decided voxels y: 2 sum(p y) / (sum p + sum y), the soft Dice between the two
    (as Li et al. 2022 use it without labels). It ranks; to measure it has to be calibrated, see
    :mod:`crosslabel.active.estimate`. 0 where the network sees nothing.

    Args:
        probabilities: (outputs, \\*spatial), background first.
    """
    answer = decided(probabilities)
    found = []
    for index, probability in enumerate(probabilities[1:], start=1):
        mask = (answer == index).to(probability.dtype)
        if mask.any():
            found.append(2 * (probability * mask).sum() / (probability.sum() + mask.sum()))
    return float(torch.stack(found).mean()) if found else 0.0
