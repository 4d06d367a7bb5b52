"""Classes of unequal size: how often each is drawn, and what a mistake on it weighs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from crosslabel.tasks import BalanceSpec

_UNSURE = 1e-6


def class_probabilities(counts: Sequence[int], balance: BalanceSpec) -> np.ndarray:
    """How likely each class is drawn; the images of a class are equally likely.

    ``balanced``: all alike. ``natural``: as many as there are. ``effective``: between them; an image of a class of n counts
    ``1 / E_n`` with the effective number ``E_n = (1 - beta^n) / (1 - beta)`` (Cui et al., CVPR 2019, eq. 4), so that a class
    has the share ``n / E_n``: natural for beta near 0, balanced for beta near 1.

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
        effective = (1 - balance.effective_beta**numbers) / (1 - balance.effective_beta)
        numbers = np.divide(numbers, effective, out=np.zeros_like(numbers), where=numbers > 0)
    return numbers / numbers.sum()


class ClassLoss:
    """Cross-entropy with the task's weights, focus and smoothing, also for targets that mix classes.

    ``loss = -mean_n sum_c w_c t_nc (1 - p_nc)^gamma log p_nc``, where ``w_c = 1 / (K q_c)`` for the weighted loss of K classes
    that are drawn with likelihoods q_c, so that all count alike however they are drawn, and 1 otherwise; ``gamma`` is 0 but
    for the focal loss (Lin et al., ICCV 2017), and targets are smoothed to ``(1 - s) t + s / K`` (Szegedy et al., CVPR 2016).

    Args:
        balance: the task's settings.
        likelihood: (classes,), how likely each class is drawn.
    """

    def __init__(self, balance: BalanceSpec, likelihood: np.ndarray) -> None:
        self.gamma = balance.focal_gamma if balance.loss == "focal" else 0.0
        self.smoothing = balance.label_smoothing
        self.name = "focal" if balance.loss == "focal" else "cross-entropy"
        weights, drawn = np.ones(len(likelihood)), likelihood > 0
        if balance.loss == "weighted":
            weights[drawn] = 1 / (drawn.sum() * likelihood[drawn])
        self.weights = torch.as_tensor(weights, dtype=torch.float32)

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of logits (N, K) for targets (N, K) that sum to 1."""
        smoothed = (1 - self.smoothing) * targets + self.smoothing / targets.shape[1]
        log = F.log_softmax(logits, dim=1)
        # Certainty itself would have an infinite slope for gamma below 1.
        focus = 1.0 if self.gamma == 0 else (1 - log.exp()).clamp(min=_UNSURE) ** self.gamma
        return -(self.weights.to(logits.device) * smoothed * focus * log).sum(dim=1).mean()
