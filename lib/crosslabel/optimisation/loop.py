"""The one training loop: epochs, validation, progress, resume, cancel. What is learnt is the objective's business."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from crosslabel.errors import CheckpointError, CrossLabelError
from crosslabel.files import replacing
from crosslabel.networks import read_weights_file
from crosslabel.optimisation import processes
from crosslabel.optimisation.objective import Objective
from crosslabel.optimisation.progress import ProgressEvent, State
from crosslabel.optimisation.settings import LoopSettings, Precision, make_optimizer, make_schedule

RESUME_FILE = "resume.pt"


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a run ended: the weights to keep, their metrics, and the epoch that they are of."""

    state: State
    weights: dict[str, torch.Tensor]
    metrics: dict[str, float]
    epoch: int


class TrainingLoop:
    """Trains a network towards an objective.

    A run that is killed goes on from its last finished epoch and ends with the same weights as one that was not, because all
    randomness is drawn from (seed, epoch, batch) and the states of optimiser and objective are kept beside the weights.

    Under torchrun the ``accumulate`` batches of a step are shared out among the processes, so that N processes do what one
    does with ``accumulate: N``; the first process alone writes.

    Args:
        network: on the device to train on.
        objective: losses and validation.
        settings: how long and how fast.
        folder: where the state to resume from is kept.
        on_event: called with every :class:`ProgressEvent`.
        cancelled: asked after every step; ``True`` ends the run after the epoch in hand is dropped.
        optimizer: makes the optimiser of the network; the settings' one if ``None``. Several learners that play against each
            other are groups of its parameters.
        identity: what has to be the same for a run to be gone on with, as JSON values.
        learning_rate_is: where the user sets the learning rate, for the advice when the loss is no longer finite.
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
        identity: Mapping[str, Any] | None = None,
        learning_rate_is: str = "training.learning_rate",
    ) -> None:
        self.network = network
        self.objective = objective
        self.settings = settings
        self.folder = folder
        self.on_event = on_event
        self.cancelled = cancelled
        self.identity = dict(identity or {})
        self.learning_rate_is = learning_rate_is
        self.device = next(network.parameters()).device
        processes.check_share(settings.accumulate)
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(self.parameters, settings) if optimizer is None else optimizer(network)
        self.schedule = make_schedule(self.optimizer, settings)
        self.precision = Precision(settings.mixed_precision, self.device)
        self.epoch = 0
        self.elapsed = 0.0
        self.losses: dict[str, float] = {}
        self.metrics: dict[str, float] = {}
        self.best: tuple[float, int, dict[str, float], dict[str, torch.Tensor]] | None = None
        self.without_gain = 0

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
        # Not before the weights are restored: the processes start from those of the first.
        network = processes.shared(self.network)
        self._emit(State.TRAINING)
        while self.epoch < self.settings.epochs and not self._stalled():
            started = time.monotonic()
            if not self._train_epoch(network):
                self._emit(State.CANCELLED, "Training was stopped; it can be resumed.")
                return self._outcome(State.CANCELLED)
            self.epoch += 1
            if self.epoch % self.settings.validate_every == 0 or self.epoch == self.settings.epochs:
                self._validate()
            self.elapsed += time.monotonic() - started
            self._save()
            self._emit(State.TRAINING)
        return self._outcome(State.FINISHED)

    def _stalled(self) -> bool:
        return self.settings.early_stop is not None and self.without_gain >= self.settings.early_stop

    def _train_epoch(self, network: nn.Module) -> bool:
        # Dropout and other draws of the network follow (seed, epoch), whatever ran before in this process.
        torch.manual_seed((self.settings.seed * 100_003 + self.epoch) % 2**32)
        try:
            self.objective.begin_epoch(self.network, self.epoch)
        except InterruptedError:
            return False
        self.network.train()
        sums: dict[str, float] = defaultdict(float)
        for step in range(self.settings.steps_per_epoch):
            if processes.anyone(self.cancelled()):
                return False
            for name, value in self._step(network, step).items():
                sums[name] += value
            self.objective.after_step(self.network)
        self.schedule.step()
        self.losses = {name: processes.mean(value / self.settings.steps_per_epoch) for name, value in sums.items()}
        return True

    def _step(self, network: nn.Module, step: int) -> dict[str, float]:
        """One step of the optimiser; returns the losses, averaged over this process's batches."""
        self.optimizer.zero_grad(set_to_none=True)
        first = step * self.settings.accumulate
        mine = range(first + processes.rank(), first + self.settings.accumulate, processes.count())
        means: dict[str, float] = defaultdict(float)
        for draw in mine:
            with self._synchronised(network, last=draw == mine[-1]):
                with self.precision.autocast():
                    losses = self.objective.losses(network, self.epoch, draw)
                total = torch.stack([loss.float() for loss in losses.values()]).sum()
                if not torch.isfinite(total):
                    raise CrossLabelError(
                        f"The loss became {total.item()} in epoch {self.epoch + 1}; lower {self.learning_rate_is} in the task "
                        "file and train again."
                    )
                self.precision.scaler.scale(total / len(mine)).backward()
            for name, loss in losses.items():
                means[name] += float(loss.detach()) / len(mine)
        self.precision.step(self.optimizer, self.parameters)
        return means

    @staticmethod
    def _synchronised(network: nn.Module, *, last: bool) -> contextlib.AbstractContextManager[object]:
        """Processes exchange gradients once a step, with the last batch."""
        waits = not last and processes.count() > 1
        return network.no_sync() if waits else contextlib.nullcontext()  # type: ignore[operator]

    def _validate(self) -> None:
        kept = self.objective.kept(self.network)
        kept.eval()
        with torch.inference_mode():
            # Each process has its own running statistics of batch norms.
            self.metrics = processes.of_the_first(self.objective.validate(kept))
        score = self.metrics.get(self.objective.metric) if self.epoch >= self.objective.first_candidate else None
        if score is None:
            return
        gained = self.best is None or score > self.best[0]
        # Of epochs that all came to nothing the last one has learnt longest.
        if gained or score == self.best[0] == 0:
            self.best = (score, self.epoch, dict(self.metrics), self._weights())
        self.without_gain = 0 if gained else self.without_gain + 1

    def _weights(self) -> dict[str, torch.Tensor]:
        kept = self.objective.kept(self.network).state_dict()
        return {name: tensor.detach().cpu().clone() for name, tensor in kept.items()}

    def _outcome(self, state: State) -> Outcome:
        if self.best is None:
            return Outcome(state, self._weights(), self.metrics, self.epoch)
        _, epoch, metrics, weights = self.best
        return Outcome(state, weights, metrics, epoch)

    def _emit(self, state: State, message: str = "") -> None:
        if processes.rank() > 0:
            return
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
        if processes.rank() > 0:
            return
        content = {
            "settings": asdict(self.settings),
            "identity": self.identity,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "elapsed": self.elapsed,
            "losses": self.losses,
            "metrics": self.metrics,
            "best": self.best,
            "without_gain": self.without_gain,
            "scaler": self.precision.scaler.state_dict(),
            "objective": self.objective.state(),
        }
        # Into an open file: given a path, torch does not say why it could not write.
        with replacing(self.folder / RESUME_FILE) as temporary, temporary.open("wb") as file:
            torch.save(content, file)

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
        if content.get("identity", {}) != self.identity:
            raise CheckpointError(
                "The run that was stopped had other images, labels, settings or first weights, so it cannot be resumed; set "
                "them back, or start anew without resuming."
            )
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.schedule.load_state_dict(content["schedule"])
        self.epoch, self.elapsed = content["epoch"], content["elapsed"]
        self.losses, self.metrics, self.best = content["losses"], content["metrics"], content["best"]
        self.without_gain = content["without_gain"]
        self.precision.scaler.load_state_dict(content["scaler"])
        self.objective.restore(content["objective"])
