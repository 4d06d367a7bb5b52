"""A training job: labelled cases in, a published checkpoint version out."""

from __future__ import annotations

import contextlib
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import monai
import torch

import crosslabel
from crosslabel.checkpoints import BeingTrainedError, ModelStore, Version
from crosslabel.errors import CrossLabelError
from crosslabel.files import is_full_disk, remove_unfinished
from crosslabel.inference import pick_device
from crosslabel.networks.memory_format import channels_last
from crosslabel.optimisation import processes
from crosslabel.optimisation.loop import RESUME_FILE, Outcome, TrainingLoop
from crosslabel.optimisation.objective import Objective
from crosslabel.optimisation.progress import ProgressEvent, ProgressFile, State, read_progress
from crosslabel.provenance import code_commit
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_of
from crosslabel.training.loop_settings import loop_settings

_SECONDS_BETWEEN_SENTENCES = 5.0
_STOPPED = "It was stopped; it can be resumed."


class Job(ABC):
    """Trains a task's network and publishes the best weights as a new version; subclasses say from what.

    Args:
        task: what to train.
        store: where the version is published.
        run_dir: folder of the run: progress and the state to resume from.
        device: ``auto``, ``cpu``, ``cuda``, ...
        start_from: weights to fine-tune; fresh ones if ``None``.
        on_event: called with every progress event, after it was written to the run's folder.
        cancelled: asked after every step.

    Attributes:
        identity: what has to be the same for the run to be gone on with, as far as it is known.
    """

    def __init__(
        self,
        task: TaskSpec,
        store: ModelStore,
        run_dir: Path,
        *,
        device: str = "auto",
        start_from: Version | None = None,
        on_event: Callable[[ProgressEvent], None] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.task = task
        self.store = store
        self.run_dir = run_dir
        self.device = pick_device(device)
        self.start_from = start_from
        self.on_event = on_event
        self.cancelled = cancelled
        self.identity: dict[str, Any] = {}
        self._started = time.monotonic()
        self._last = ProgressEvent(State.PREPARING, 0, task.training.epochs)

    def run(self, *, resume: bool = False) -> Version | None:
        """Train and publish.

        Args:
            resume: go on where a run in the same folder was killed or cancelled; one that is finished begins anew.

        Returns:
            The published version; ``None`` if the job was cancelled, and in all processes but the first.

        Raises:
            BeingTrainedError: another process trains the task.
            CrossLabelError: the run's folder is a file, or what is wrong with the data, the task or the settings.
        """
        progress = ProgressFile(self.run_dir)
        resume = self._goes_on(resume)

        def emit(event: ProgressEvent) -> None:
            told = replace(event, job_seconds=self._seconds())
            # Events that are made of this one do not set the same cases aside again.
            self._last = replace(told, set_aside={})
            if processes.rank() == 0:
                progress(told)
                self.on_event(told)

        def end(state: State, message: str) -> None:
            # On a full disk it cannot be written, and would hide what went wrong.
            with contextlib.suppress(OSError):
                emit(replace(self._last, state=state, message=message))

        try:
            self.check()
            # Processes that train together are one trainer.
            with self.store.only_trainer(self.task) if processes.rank() == 0 else contextlib.nullcontext():
                if processes.rank() == 0:
                    remove_unfinished(self.run_dir / RESUME_FILE)
                if not resume and processes.rank() == 0:
                    progress.begin_anew()
                    # Else a run that is killed before its first epoch would go on from the last epoch of the one before it.
                    (self.run_dir / RESUME_FILE).unlink(missing_ok=True)
                emit(self._last)
                return self._train(emit, resume)
        except InterruptedError:
            end(State.CANCELLED, _STOPPED)
            return None
        except KeyboardInterrupt:
            end(State.CANCELLED, _STOPPED)
            raise
        except BeingTrainedError:
            # The run in this folder may be the other's: its progress is not this job's to end.
            raise
        except CrossLabelError as error:
            end(State.FAILED, str(error))
            raise
        except torch.OutOfMemoryError as error:
            message = "The GPU ran out of memory; lower training.batch_size or patch in the task file, or train on the CPU."
            end(State.FAILED, message)
            raise CrossLabelError(message) from error
        except (OSError, RuntimeError) as error:
            if not is_full_disk(error):
                raise
            # Nothing can be written, so that the last event stays what it was; the state to resume from is whole.
            raise CrossLabelError(
                f"The disk of {self.run_dir}, or that of the models in {self.store.folder}, is full; free some space and "
                "resume, what was finished is kept."
            ) from error

    def _goes_on(self, resume: bool) -> bool:
        """Whether to go on with what is in the run's folder, and since when that has been under way; a finished run is over."""
        before = read_progress(self.run_dir)
        # All processes look before the first one writes.
        over = processes.anyone(before is not None and before["state"] == State.FINISHED.value)
        spent = before.get("job_seconds", 0.0) if resume and not over and before is not None else 0.0
        self._started = time.monotonic() - spent
        return resume and not over

    def _seconds(self) -> float:
        """What the job took so far, earlier starts included."""
        return time.monotonic() - self._started

    def check(self) -> None:
        """Refuse what can be seen to be wrong before anything is done, as :meth:`run` does first of all.

        Raises:
            CrossLabelError: what is wrong.
        """
        return

    @abstractmethod
    def _train(self, emit: Callable[[ProgressEvent], None], resume: bool) -> Version | None:
        """Prepare the data and hand an objective to :meth:`_fit`."""

    def _reading(self, emit: Callable[[ProgressEvent], None]) -> Callable[[int, int], None]:
        """Says which image is read, which may take minutes, and ends it with an ``InterruptedError`` if it was cancelled."""
        said = time.monotonic()

        def before_each(number: int, count: int) -> None:
            nonlocal said
            if self.cancelled():
                raise InterruptedError
            if time.monotonic() - said >= _SECONDS_BETWEEN_SENTENCES:
                said = time.monotonic()
                emit(replace(self._last, message=f"Reading image {number} of {count}."))

        return before_each

    def _network(self) -> torch.nn.Module:
        """The task's network, with fresh weights that follow the seed or those to start from."""
        torch.manual_seed(self.task.training.seed)
        network = network_of(self.task)
        if self.start_from is not None:
            network.load_state_dict(self.store.load(self.task, self.start_from).state)
        return channels_last(network.to(self.device))

    def _fit(
        self,
        network: torch.nn.Module,
        objective: Objective,
        emit: Callable[[ProgressEvent], None],
        resume: bool,
        describe: Callable[[Outcome], dict[str, Any]],
    ) -> Version | None:
        """Run the loop and publish its outcome with what ``describe`` says of it."""
        loop = TrainingLoop(
            network, objective, loop_settings(self.task), self.run_dir, emit, self.cancelled, identity=self.identity
        )
        outcome = loop.run(resume=resume)
        if outcome.state is State.CANCELLED or processes.rank() > 0:
            return None
        return self.publish(outcome, self._seconds(), describe(outcome), emit)

    def publish(
        self,
        outcome: Outcome,
        seconds: float,
        facts: Mapping[str, Any],
        emit: Callable[[ProgressEvent], None],
        extras: Mapping[str, torch.Tensor] | None = None,
    ) -> Version:
        """Publish what a finished run came to.

        Args:
            outcome: of the run.
            seconds: that it took.
            facts: for the provenance, beside what every job tells.
            emit: takes the last event.
            extras: tensors beside the network, by name.
        """
        provenance = {**self._provenance(outcome, seconds), **facts}
        self._before_publishing(outcome, provenance)
        version = self.store.publish(self.task, outcome.weights, provenance, extras=extras, activate=self._promotes())
        # A finished run has nothing left to resume; going on with it would publish the same weights again.
        (self.run_dir / RESUME_FILE).unlink(missing_ok=True)
        emit(replace(self._last, state=State.FINISHED, eta_seconds=0.0, message=f"Published {version.name}.{self._reserve()}"))
        return version

    def _reserve(self) -> str:
        """What is to be said of a published version beside its name, with a space before it."""
        return ""

    def _before_publishing(self, outcome: Outcome, provenance: dict[str, Any]) -> None:
        """Called with what is about to be published, for a report."""
        return

    def _promotes(self) -> bool:
        """Whether the version is served from now on; asked after it was described."""
        return True

    def _provenance(self, outcome: Outcome, seconds: float) -> dict[str, Any]:
        return {
            "task": self.task.model_dump(mode="json", by_alias=True),
            "started_from": None if self.start_from is None else self.start_from.name,
            "metrics": outcome.metrics,
            "epoch": outcome.epoch,
            "seconds": round(seconds, 1),
            "code": {"crosslabel": crosslabel.__version__, "commit": code_commit()},
            "libraries": {
                "torch": torch.__version__,
                "monai": monai.__version__,
                "python": platform.python_version(),
            },
            "device": str(self.device),
            "processes": processes.count(),
        }


def was_stopped(run_dir: Path) -> bool:
    """Whether a run in a folder was ended before it was done: an image-level method that it fitted is kept as well."""
    last = read_progress(run_dir)
    return last is not None and last["state"] != State.FINISHED.value
