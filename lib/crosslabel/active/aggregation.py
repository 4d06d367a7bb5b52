"""From a map of uncertainty to one number for an image, so that a large background does not drown a small organ."""

from __future__ import annotations

import torch
from torch import Tensor

from crosslabel.active.uncertainty import decided

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
    # Sums of products are several times faster than picking voxels; 0 / 0 is the nan of a structure that is nowhere.
    around = [(probability >= _SURROUNDINGS).to(uncertainty.dtype) for probability in probabilities[1:]]
    return torch.stack([(uncertainty * there).sum() / there.sum() for there in around])


def foreground_aware(uncertainty: Tensor, probabilities: Tensor) -> float:
    """Mean over the structures of :func:`by_class`; where the network sees none, over the most uncertain hundredth."""
    return mean_of_classes(by_class(uncertainty, probabilities), uncertainty)


def mean_of_classes(classes: Tensor, uncertainty: Tensor) -> float:
    """:func:`foreground_aware` from what :func:`by_class` gave for the same map."""
    if not classes.isnan().all():
        return float(classes.nanmean())
    most = max(1, int(uncertainty.numel() * _LARGEST_SHARE))
    return float(uncertainty.flatten().topk(most).values.mean())


def expected_dice(probabilities: Tensor, answer: Tensor | None = None) -> float:
    """The Dice that the network expects of its own answer, mean over the structures that it sees.

    For a structure with probabilities p and decided voxels y: 2 sum(p y) / (sum p + sum y), the soft Dice between the two
    (as Li et al. 2022 use it without labels). It ranks; to measure it has to be calibrated, see
    :mod:`crosslabel.active.estimate`. 0 where the network sees nothing.

    Args:
        probabilities: (outputs, \\*spatial), background first.
        answer: the decided outputs (\\*spatial) where they are known.
    """
    answer = decided(probabilities[None])[0] if answer is None else answer
    found = []
    for index, probability in enumerate(probabilities[1:], start=1):
        mask = (answer == index).to(probability.dtype)
        if mask.any():
            found.append(2 * (probability * mask).sum() / (probability.sum() + mask.sum()))
    return float(torch.stack(found).mean()) if found else 0.0
