"""What a network is trained for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn


class Objective(ABC):
    """Losses and validation of a training; the loop does the rest.

    Everything that is drawn at random depends on the seed, ``epoch`` and ``draw`` alone, and whatever else an objective
    remembers from step to step is in :meth:`state`: a run that was killed then ends like one that was not.
    """

    metric: str
    """Name of the metric, higher is better, that decides which weights are kept."""

    first_candidate: int = 0
    """First epoch whose weights may be kept because of the metric."""

    def begin_epoch(self, network: nn.Module, epoch: int) -> None:
        """Called before the steps of an epoch; raises ``InterruptedError`` if it was cancelled."""
        return

    @abstractmethod
    def losses(self, network: nn.Module, epoch: int, draw: int) -> dict[str, torch.Tensor]:
        """Scalar losses of one batch, which are added up; batches are numbered from 0 in each epoch."""

    def after_step(self, network: nn.Module) -> None:
        """Called after every step of the optimiser."""
        return

    @abstractmethod
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Metrics on held-back cases; empty where none are held back."""

    def kept(self, network: nn.Module) -> nn.Module:
        """The network that is validated and whose weights are kept: the trained one, or an average of its past."""
        return network

    def state(self) -> dict[str, Any]:
        """Tensors and plain values to go on from."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        return
