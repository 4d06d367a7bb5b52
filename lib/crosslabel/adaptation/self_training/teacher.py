"""The mean teacher: an exponential moving average of the student's weights.

Tarvainen and Valpola 2017, "Mean teachers are better role models", NeurIPS.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class MeanTeacher:
    """theta' <- a theta' + (1 - a) theta after every step, with a = min(decay, (1 + t) / (10 + t)) at step t.

    The ramp lets the first, random weights be forgotten quickly. Buffers, such as the statistics of batch norms, are the
    student's.

    Args:
        student: the network that is trained.
        decay: a, 0 to below 1.
    """

    def __init__(self, student: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.network = copy.deepcopy(student).eval().requires_grad_(False)

    @torch.no_grad()
    def follow(self, student: nn.Module) -> None:
        """Take one step after the student."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mine, theirs in zip(self.network.parameters(), student.parameters(), strict=True):
            mine.lerp_(theirs, 1 - decay)
        for mine, theirs in zip(self.network.buffers(), student.buffers(), strict=True):
            mine.copy_(theirs)

    def state(self) -> dict[str, Any]:
        """Weights and steps."""
        return {"steps": self.steps, "weights": self.network.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.steps = state["steps"]
        self.network.load_state_dict(state["weights"])
