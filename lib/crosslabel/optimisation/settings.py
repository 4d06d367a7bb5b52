"""Optimiser, schedule and precision of a training."""

from __future__ import annotations

import contextlib
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from crosslabel.errors import CrossLabelError

MOST_GRADIENT_NORM = 12.0


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast to train; the fields are those of ``training`` in a task file."""

    epochs: int
    steps_per_epoch: int
    learning_rate: float
    weight_decay: float
    validate_every: int
    mixed_precision: bool | Literal["bf16", "fp16"]
    seed: int
    optimizer: Literal["adamw", "adabelief"] = "adamw"
    accumulate: int = 1
    schedule: Literal["cosine", "constant"] = "cosine"
    early_stop: int | None = None


def make_optimizer(parameters: list[nn.Parameter] | list[dict[str, Any]], settings: LoopSettings) -> torch.optim.Optimizer:
    """AdamW, or AdaBelief (Zhuang et al. 2020) with decoupled weight decay, as Yao et al. 2022 train.

    Args:
        parameters: or groups of them, which may have learning rates of their own.
        settings: of the loop.
    """
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    # Imported where it is needed: it takes a second, and most trainings use AdamW.
    from pytorch_optimizer import AdaBelief

    return AdaBelief(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, eps=1e-16, foreach=False)


def make_schedule(optimizer: torch.optim.Optimizer, settings: LoopSettings) -> torch.optim.lr_scheduler.LRScheduler:
    """Each group down to a hundredth of its first learning rate along a cosine, or constant; one step is an epoch."""
    if settings.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=1)

    def factor(epoch: int) -> float:
        return 0.01 + 0.99 * (1 + math.cos(math.pi * epoch / settings.epochs)) / 2

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


class Precision:
    """Half precision on a GPU: bf16, which needs no scaling of the loss, or fp16, which does; float32 elsewhere.

    Args:
        wanted: ``True`` takes bf16 where the GPU has it and float32 where not.
        device: that computes.

    Raises:
        CrossLabelError: bf16 was asked for and this GPU lacks it.
    """

    def __init__(self, wanted: bool | Literal["bf16", "fp16"], device: torch.device) -> None:
        self.device = device
        self.dtype: torch.dtype | None = None
        if wanted and device.type == "cuda":
            has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
            if wanted == "bf16" and not has_bf16:
                raise CrossLabelError("This GPU has no bf16; write training.mixed_precision: fp16 in the task file.")
            self.dtype = torch.float16 if wanted == "fp16" else torch.bfloat16 if has_bf16 else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype is torch.float16)

    def autocast(self) -> AbstractContextManager[object]:
        """Context of the forward pass."""
        return contextlib.nullcontext() if self.dtype is None else torch.autocast(self.device.type, self.dtype)

    def step(self, optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
        """Clip the gradients and let the optimiser step; a step whose fp16 gradients overflowed is left out."""
        self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(parameters, max_norm=MOST_GRADIENT_NORM)
        self.scaler.step(optimizer)
        self.scaler.update()
