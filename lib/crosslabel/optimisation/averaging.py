"""Moving averages of weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MovingAverage(nn.Module):
    """A copy of a network whose weights follow the network's slowly: w <- d w + (1 - d) w_network.

    The decay d grows as (1 + t) / (10 + t) with the number t of updates up to ``decay``, so that a short training is not an
    average with the weights it started from (as in TensorFlow's ExponentialMovingAverage). Buffers are copied. The count is
    part of the state, so a resumed training goes on as it would have.

    Args:
        network: to follow; its present weights are the first average.
        decay: of a long training.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the network's weights by one step."""
        count = int(self.updates)
        decay = min(self.decay, (1 + count) / (10 + count))
        for mine, its in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(its, 1 - decay)
        for mine, its in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(its)
        self.updates += 1
