"""Gated attention pooling: from the features of many slices to those of the volume."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedAttention(nn.Module):
    """Weighs instances by a gated attention and sums their features (Ilse et al., ICML 2018, equations 7 and 9).

    ``a_k = softmax_k(w^T (tanh(V h_k) * sigmoid(U h_k)))`` and ``z = sum_k a_k h_k``.

    Args:
        features: length of the feature vector h of an instance.
        hidden: rows of V and U.
    """

    def __init__(self, features: int, hidden: int = 64) -> None:
        super().__init__()
        self.value = nn.Linear(features, hidden)
        self.gate = nn.Linear(features, hidden)
        self.weigh = nn.Linear(hidden, 1)

    def forward(self, instances: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, instances, features) -> pooled (batch, features) and weights (batch, instances) that sum to 1."""
        scores = self.weigh(torch.tanh(self.value(instances)) * torch.sigmoid(self.gate(instances)))
        weights = scores.softmax(dim=1)
        return (weights * instances).sum(dim=1), weights[..., 0]
