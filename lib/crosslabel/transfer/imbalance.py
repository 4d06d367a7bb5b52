"""Classes of unequal size: how often each is drawn, and what a mistake on it weighs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from crosslabel.tasks import BalanceSpec


def class_probabilities(counts: Sequence[int], balance: BalanceSpec) -> np.ndarray:
    """How likely each class is drawn; the images of a class are equally likely.

    ``balanced``: all alike. ``natural``: as many as there are. ``effective``: in the proportion of the effective numbers
    ``(1 - beta^n) / (1 - beta)``, which grow slower than n (Cui et al., CVPR 2019).

    Args:
        counts: images of each class; a class without any is never drawn.
        balance: the task's settings.

    Returns:
        (classes,), sums to 1.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    if balance.sampling == "balanced":
        numbers = (numbers > 0).astype(np.float64)
    elif balance.sampling == "effective":
        numbers = (1 - balance.effective_beta**numbers) / (1 - balance.effective_beta)
    return numbers / numbers.sum()


class ClassLoss:
    """Cross-entropy with the task's weights, focus and smoothing, also for targets that mix classes.

    ``loss = -mean_n sum_c w_c t_nc (1 - p_nc)^gamma log p_nc``, where ``w_c = N / (K n_c)`` for the weighted loss and 1
    otherwise, ``gamma`` is 0 but for the focal loss (Lin et al., ICCV 2017), and targets are smoothed to
    ``(1 - s) t + s / K`` (Szegedy et al., CVPR 2016).

    Args:
        balance: the task's settings.
        counts: training images of each class.
    """

    def __init__(self, balance: BalanceSpec, counts: Sequence[int]) -> None:
        self.gamma = balance.focal_gamma if balance.loss == "focal" else 0.0
        self.smoothing = balance.label_smoothing
        self.name = "focal" if balance.loss == "focal" else "cross-entropy"
        numbers = torch.tensor(counts, dtype=torch.float32)
        weights = (
            numbers.sum() / (len(counts) * numbers.clamp(min=1)) if balance.loss == "weighted" else torch.ones(len(counts))
        )
        self.weights = weights

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of logits (N, K) for targets (N, K) that sum to 1."""
        smoothed = (1 - self.smoothing) * targets + self.smoothing / targets.shape[1]
        log = F.log_softmax(logits, dim=1)
        focus = 1.0 if self.gamma == 0 else (1 - log.exp()) ** self.gamma
        return -(self.weights.to(logits.device) * smoothed * focus * log).sum(dim=1).mean()
