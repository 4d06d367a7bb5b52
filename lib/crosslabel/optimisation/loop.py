"""The one training loop: epochs, validation, progress, resume, cancel. What is learnt is the objective's business."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from crosslabel.errors import CheckpointError, CrossLabelError
from crosslabel.files import replacing
from crosslabel.networks import read_weights_file
from crosslabel.optimisation.progress import ProgressEvent, State

RESUME_FILE = "resume.pt"


class Objective(Protocol):
    """What a network is trained for."""

    metric: str
    """Name of the metric, higher is better, that decides which weights are kept."""

    def losses(self, network: nn.Module, epoch: int, step: int) -> dict[str, torch.Tensor]:
        """Scalar losses of one step, which are added up; what is drawn depends on (epoch, step) alone."""
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Metrics on held-back cases; empty where none are held back."""
        ...


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast to train; see :class:`crosslabel.tasks.TrainingSpec` for the fields."""

    epochs: int
    steps_per_epoch: int
    learning_rate: float
    weight_decay: float
    validate_every: int
    mixed_precision: bool
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a run ended: the weights to keep, their metrics, and the epoch that they are of."""

    state: State
    weights: dict[str, torch.Tensor]
    metrics: dict[str, float]
    epoch: int


class TrainingLoop:
    """Trains a network towards an objective with a cosine schedule.

    A run that is killed goes on from its last finished epoch and ends with the same weights as one that was not, because all
    randomness is drawn from (seed, epoch, step) and the optimiser's state is kept beside the weights.

    Args:
        network: on the device to train on.
        objective: losses and validation.
        settings: how long and how fast.
        folder: where the state to resume from is kept.
        on_event: called with every :class:`ProgressEvent`.
        cancelled: asked after every step; ``True`` ends the run after the epoch in hand is dropped.
        optimizer: makes the optimiser of the network; AdamW with the settings' learning rate and weight decay if ``None``.
            Several learners that play against each other are groups of its parameters.
        after_step: called with the network after every step, as moving averages of weights need it. What it changes has
            to be part of the network's state, so that a resumed run goes on from it.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        settings: LoopSettings,
        folder: Path,
        on_event: Callable[[ProgressEvent], None] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        optimizer: Callable[[nn.Module], torch.optim.Optimizer] | None = None,
        after_step: Callable[[nn.Module], None] = lambda network: None,
    ) -> None:
        self.network = network
        self.objective = objective
        self.settings = settings
        self.folder = folder
        self.on_event = on_event
        self.cancelled = cancelled
        self.device = next(network.parameters()).device
        self.after_step = after_step
        self.optimizer = self._adamw() if optimizer is None else optimizer(network)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, settings.epochs, eta_min=settings.learning_rate / 100
        )
        # bf16 needs no loss scaling; GPUs without it train in float32.
        self.autocast = (
            settings.mixed_precision and self.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        )
        self.epoch = 0
        self.elapsed = 0.0
        self.losses: dict[str, float] = {}
        self.metrics: dict[str, float] = {}
        self.best: tuple[float, int, dict[str, float], dict[str, torch.Tensor]] | None = None

    def run(self, *, resume: bool = False) -> Outcome:
        """Train to the end, or until cancelled.

        Args:
            resume: go on from the folder's state where there is one, instead of starting anew.

        Raises:
            CheckpointError: the run to resume was another's.
            CrossLabelError: the loss is no longer finite, so going on would only spoil the weights.
        """
        if resume:
            self._restore()
        self._emit(State.TRAINING)
        while self.epoch < self.settings.epochs:
            started = time.monotonic()
            if not self._train_epoch():
                self._emit(State.CANCELLED, "Training was stopped; it can be resumed.")
                return self._outcome(State.CANCELLED)
            self.epoch += 1
            if self.epoch % self.settings.validate_every == 0 or self.epoch == self.settings.epochs:
                self._validate()
            self.elapsed += time.monotonic() - started
            self._save()
            self._emit(State.TRAINING)
        return self._outcome(State.FINISHED)

    def _adamw(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.AdamW(self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def _train_epoch(self) -> bool:
        # Dropout and other draws of the network follow (seed, epoch), whatever ran before in this process.
        torch.manual_seed((self.settings.seed * 100_003 + self.epoch) % 2**32)
        self.network.train()
        sums: dict[str, float] = defaultdict(float)
        for step in range(self.settings.steps_per_epoch):
            if self.cancelled():
                return False
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast(self.device.type, torch.bfloat16) if self.autocast else contextlib.nullcontext():
                losses = self.objective.losses(self.network, self.epoch, step)
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
            if not torch.isfinite(total):
                raise CrossLabelError(
                    f"The loss became {total.item()} in epoch {self.epoch + 1}; lower training.learning_rate in the task file "
                    "and train again."
                )
            total.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), max_norm=12.0)
            self.optimizer.step()
            self.after_step(self.network)
            for name, loss in losses.items():
                sums[name] += float(loss.detach())
        self.schedule.step()
        self.losses = {name: value / self.settings.steps_per_epoch for name, value in sums.items()}
        return True

    def _validate(self) -> None:
        self.network.eval()
        with torch.inference_mode():
            self.metrics = self.objective.validate(self.network)
        score = self.metrics.get(self.objective.metric)
        if score is not None and (self.best is None or score > self.best[0]):
            self.best = (score, self.epoch, dict(self.metrics), self._weights())

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}

    def _outcome(self, state: State) -> Outcome:
        if self.best is None:
            return Outcome(state, self._weights(), self.metrics, self.epoch)
        _, epoch, metrics, weights = self.best
        return Outcome(state, weights, metrics, epoch)

    def _emit(self, state: State, message: str = "") -> None:
        eta = self.elapsed / self.epoch * (self.settings.epochs - self.epoch) if self.epoch else None
        self.on_event(
            ProgressEvent(
                state=state,
                epoch=self.epoch,
                epochs=self.settings.epochs,
                losses=self.losses,
                metrics=self.metrics,
                best_metric=None if self.best is None else self.best[0],
                elapsed_seconds=self.elapsed,
                eta_seconds=eta,
                message=message,
            )
        )

    def _save(self) -> None:
        content = {
            "settings": asdict(self.settings),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "elapsed": self.elapsed,
            "losses": self.losses,
            "metrics": self.metrics,
            "best": self.best,
        }
        with replacing(self.folder / RESUME_FILE) as temporary:
            torch.save(content, temporary)

    def _restore(self) -> None:
        path = self.folder / RESUME_FILE
        if not path.is_file():
            return
        content = read_weights_file(path)
        shapes = {name: tensor.shape for name, tensor in self.network.state_dict().items()}
        saved_shapes = {name: tensor.shape for name, tensor in content["network"].items()}
        if content["settings"] != asdict(self.settings) or saved_shapes != shapes:
            raise CheckpointError(
                "The run that was stopped had another network or other training settings, so it cannot be resumed; set the "
                "task file back, or train anew without resuming."
            )
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.schedule.load_state_dict(content["schedule"])
        self.epoch, self.elapsed = content["epoch"], content["elapsed"]
        self.losses, self.metrics, self.best = content["losses"], content["metrics"], content["best"]
