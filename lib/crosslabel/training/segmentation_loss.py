"""The loss of a segmentation: focal + Dice on every head, also where only some voxels are to be believed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

FOCAL_WEIGHT = 10.0
GAMMA = 2.0
_UNSURE = 1e-6
_SMOOTH = 1e-5


class SegmentationLoss:
    """10 * focal + Dice on each head, as Yao et al. 2022, averaged over heads with weights.

    focal = -(1 - p)^gamma log p of the right class (Lin et al. 2017), averaged over voxels and channels;
    Dice = 1 - 2 sum(p t) / (sum p^2 + sum t^2) for each channel over the whole batch (Milletari et al. 2016), averaged.

    Args:
        head_weights: of the main head and those behind it; equal if empty, and 0 for heads that are not named.
        gamma: of the focal loss, 2 as published; 0 makes it cross-entropy, by which short trainings learn more and networks are
            less unsure.
    """

    def __init__(self, head_weights: Sequence[float] = (), gamma: float = GAMMA) -> None:
        self.head_weights = tuple(head_weights)
        self.gamma = gamma

    def __call__(
        self, heads: Sequence[torch.Tensor], labels: torch.Tensor, keep: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """The two parts of the loss.

        Args:
            heads: logits of each head, (N, K, \\*spatial).
            labels: (N, 1, \\*spatial) output-channel indices.
            keep: (N, 1, \\*spatial), 1 where the label is believed and 0 where it is left out; everywhere if ``None``.
        """
        weights = self.head_weights or (1.0,) * len(heads)
        target = F.one_hot(labels[:, 0].long(), heads[0].shape[1]).movedim(-1, 1).float()
        focal = heads[0].new_zeros(())
        dice = heads[0].new_zeros(())
        for head, weight in zip(heads, weights, strict=False):
            if weight:
                log = head.float().log_softmax(dim=1)
                focal = focal + weight * _focal(log, target, keep, self.gamma)
                dice = dice + weight * _dice(log.exp(), target, keep)
        return {"focal": FOCAL_WEIGHT * focal / sum(weights), "dice": dice / sum(weights)}


def _focal(log: torch.Tensor, target: torch.Tensor, keep: torch.Tensor | None, gamma: float) -> torch.Tensor:
    # Certainty itself would have an infinite slope for gamma below 1.
    loss = -((1 - log.exp()).clamp(min=_UNSURE) ** gamma) * log * target if gamma else -log * target
    if keep is None:
        return loss.mean()
    return (loss * keep).sum() / (keep.sum() * loss.shape[1]).clamp(min=1)


def _dice(probabilities: torch.Tensor, target: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
    if keep is not None:
        probabilities, target = probabilities * keep, target * keep
    over = [0, *range(2, target.ndim)]
    overlap = (probabilities * target).sum(over)
    sizes = (probabilities**2).sum(over) + target.sum(over)
    return (1 - (2 * overlap + _SMOOTH) / (sizes + _SMOOTH)).mean()
