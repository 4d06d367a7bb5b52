"""MONAI Label's training interface over CrossLabel's training job."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.utils.async_tasks.utils import tasks as background_tasks
from pydantic import ValidationError

from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case
from crosslabel.errors import DataError, TaskError
from crosslabel.learning.final_labels import final_cases
from crosslabel.optimisation.loop import RESUME_FILE
from crosslabel.optimisation.progress import STATUS_FILE
from crosslabel.server.inference_signal import InferenceSignal
from crosslabel.server.learning_job import ROUND, SCORE, LearningJob
from crosslabel.server.studies import Studies
from crosslabel.server.trainer_controls import TrainerControls
from crosslabel.store import TrainingPolicy
from crosslabel.tasks import TaskSpec, TrainingSpec
from crosslabel.training import Job, ProgressEvent, State, TrainingJob, read_curves, read_progress

ALIVE = ("SUBMITTED", "RUNNING")
SERVER = "server"
# How MONAI Label writes when a job was asked for, in local time.
_STARTED = "%Y-%m-%d %H:%M:%S"
_SETTINGS = ("epochs", "steps_per_epoch", "batch_size", "learning_rate", "seed")
_WANTED = {
    TrainingPolicy.FINAL: ("a final label", "label some and submit them"),
    TrainingPolicy.APPROVED: ("an approved label", "let a reviewer approve some"),
}
# What stock clients call the number of epochs.
_ALIASES = {"max_epochs": "epochs", "train_batch_size": "batch_size"}


def new_run_name() -> str:
    """Name of a run's folder; later runs sort after earlier ones."""
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")


class StudiesTrainTask(TrainTask):
    """Trains one task from the studies' final or approved labels and publishes a new version.

    Attributes:
        runs: name of the folder of the runs.

    Args:
        task: what to train.
        store: where versions are published; runs lie in ``TASK/runs/NAME/`` beside them.
        policy: which labels train.
        replayed: labelled folders of source images, of which the learning loop replays some.
    """

    runs = "runs"

    def __init__(
        self,
        task: TaskSpec,
        store: ModelStore,
        policy: TrainingPolicy = TrainingPolicy.FINAL,
        replayed: Sequence[Path] = (),
    ) -> None:
        super().__init__(task.title)
        self.replayed = tuple(replayed)
        self.task = task
        self.store = store
        self.policy = policy

    @property
    def model(self) -> str:
        """Name of this training in requests."""
        return self.task.name

    def config(self) -> dict[str, Any]:
        """Settings that a request may change, with their defaults."""
        return {
            **{name: getattr(self.task.training, name) for name in _SETTINGS},
            "pretrained": True,
            "resume": False,
        }

    @property
    def accepted(self) -> frozenset[str]:
        """Names that a request may set; stock clients send others, which are left out."""
        return frozenset({*self.config(), *_ALIASES})

    def with_settings(self, request: Mapping[str, Any]) -> TaskSpec:
        """The task with a request's training settings.

        Raises:
            TaskError: a setting's value is wrong.
        """
        renamed = {_ALIASES.get(name, name): value for name, value in request.items()}
        chosen = {name: renamed[name] for name in _SETTINGS if name in renamed}
        try:
            training = TrainingSpec.model_validate({**self.task.training.model_dump(), **chosen})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise TaskError(f"training.{first['loc'][0]}: {first['input']!r} is wrong: {first['msg']}.") from error
        return self.task.model_copy(update={"training": training})

    def check(self, request: Mapping[str, Any], studies: Studies) -> None:
        """Refuse early what would fail after ten seconds of starting a process.

        Raises:
            TaskError: a setting's value is wrong.
            DataError: no study has a label that trains this task.
        """
        self.with_settings(request)
        if not self._final_cases(studies):
            what, how = _WANTED[self.policy]
            raise DataError(f"No study has {what} for task {self.task.name} yet; {how} first.")

    def __call__(self, request: Mapping[str, Any], datastore: Studies) -> dict[str, Any]:
        """Train in this process; a terminate signal, or the end of the server, ends it after the step in hand, to be resumed.

        Args:
            request: ``run``, the name of the run; ``server``, the process to end with; settings of :meth:`config`; ``device``.
            datastore: the studies.

        Raises:
            CrossLabelError: what is wrong with the labels or the settings.
        """
        resume = bool(request.get("resume"))
        run = (self._latest_run() if resume else None) or self._run_dir(str(request.get("run") or new_run_name()))
        if request.get(ROUND) or request.get(SCORE):
            learning = LearningJob(self.task, self.store, self.policy, self.replayed)
            learning.run(request, datastore, run, _told_to_end(request), _print)
            return self.stats()
        signal = InferenceSignal(self.store.folder)
        controls = TrainerControls(datastore.store, self.task.name, signal, _told_to_end(request), obeys_switch=False)
        job = self._job_of(request, datastore, run, on_event=_print, cancelled=controls.cancelled)
        version = job.run(resume=resume)
        if version is not None:
            (run / RESUME_FILE).unlink(missing_ok=True)
        return self.stats()

    def latest_run(self) -> Path | None:
        """Folder of the run that :meth:`stats` is about."""
        return self._run_of(self._job())

    def stats(self) -> dict[str, Any]:
        """Progress of the last run, in stock clients' words and CrossLabel's; empty if there was none.

        Stock clients take ``total_time`` for the sign that training is over.
        """
        job = self._job()
        run, event = self._last_event(job)
        if run is None or event is None:
            return {} if job is None else self._without_progress(job)
        state = State(event["state"])
        if not state.over and (job is None or job["status"] not in ALIVE):
            state = State.CANCELLED if job is not None and job["status"] == "STOPPED" else State.FAILED
            event["message"] = event["message"] or "The training process ended before it was done; resume it."
        stats = {
            "state": state.value,
            "epoch": event["epoch"],
            "total_epochs": event["epochs"],
            "eta": event["eta_seconds"] if not state.over else None,
            "losses": event["losses"],
            "metrics": event["metrics"],
            "message": event["message"],
            "curves": read_curves(run),
        }
        if event["best_metric"] is not None:
            stats["best_metric"] = event["best_metric"]
        if state.over:
            stats["total_time"] = f"{event['elapsed_seconds']:.0f} s"
        return stats

    def progress(self) -> dict[str, Any] | None:
        """The last event of the last run, as failed where its process is gone; None if there was none."""
        job = self._job()
        _, event = self._last_event(job)
        if event is not None and not State(event["state"]).over and (job is None or job["status"] not in ALIVE):
            message = event["message"] or "The training process ended before it was done."
            return {**event, "state": State.FAILED.value, "message": message}
        return event

    def _job_of(
        self,
        request: Mapping[str, Any],
        studies: Studies,
        run: Path,
        *,
        on_event: Callable[[ProgressEvent], None],
        cancelled: Callable[[], bool],
    ) -> Job:
        task = self.with_settings(request)
        start_from = self.store.current(task) if request.get("pretrained", True) else None
        cases = self._final_cases(studies)
        return TrainingJob(task, cases, self.store, run, start_from=start_from, on_event=on_event, cancelled=cancelled)

    def _final_cases(self, studies: Studies) -> list[Case]:
        return final_cases(studies.store, self.task, self.policy)

    def _job(self) -> dict[str, Any] | None:
        """The background job that trains the task now, else the one that this server started last for it."""
        jobs = [job for job in background_tasks("train") if not job["request"].get(SCORE)]
        mine = [job for job in jobs if job["request"].get("model") == self.model]
        return next((job for job in mine if job["status"] == "RUNNING"), mine[-1] if mine else None)

    def _last_event(self, job: Mapping[str, Any] | None) -> tuple[Path | None, dict[str, Any] | None]:
        """The run that a job is about, and its last event; none while a resumed run has only the end that it came to before."""
        run = self._run_of(job)
        event = read_progress(run) if run is not None else None
        if run is None or event is None or job is None or job["status"] not in ALIVE or not State(event["state"]).over:
            return run, event
        asked = datetime.strptime(job["start_ts"], _STARTED).timestamp()
        return run, event if (run / STATUS_FILE).stat().st_mtime >= asked else None

    def _without_progress(self, job: Mapping[str, Any]) -> dict[str, Any]:
        queued = {"epoch": 0, "total_epochs": self.with_settings(job["request"]).training.epochs}
        if job["status"] in ALIVE:
            return {**queued, "state": "queued" if job["status"] == "SUBMITTED" else State.PREPARING.value}
        state = State.CANCELLED if job["status"] == "STOPPED" else State.FAILED
        return {**queued, "state": state.value, "total_time": "0 s"}

    def _run_of(self, job: Mapping[str, Any] | None) -> Path | None:
        if job is not None and "run" in job["request"] and not job["request"].get("resume"):
            return self._run_dir(job["request"]["run"])
        return self._latest_run()

    def _latest_run(self) -> Path | None:
        return max(self._run_dir("").glob("[0-9]*"), default=None)

    def _run_dir(self, name: str) -> Path:
        return self.store.folder / self.task.name / self.runs / name


def _told_to_end(request: Mapping[str, Any]) -> Callable[[], bool]:
    """Whether this process was asked to terminate, or was left alone by a server that was killed.

    A training that went on without its server would publish what nobody watches, and hold the GPU. The server says its
    number in the request, because it may be gone before this process has imported enough to look for its parent.
    """
    terminated, server = threading.Event(), request.get(SERVER)
    if not isinstance(server, int):
        server = os.getppid()  # MONAI Label's own command says none.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: terminated.set())
    # Windows keeps the number of a parent that is gone.
    return lambda: terminated.is_set() or os.getppid() != server or not psutil.pid_exists(server)


def _print(event: ProgressEvent) -> None:
    """One line for GET /train/, which shows the last lines that the process wrote."""
    losses = ", ".join(f"{name} {value:.4f}" for name, value in event.losses.items())
    parts = (f"epoch {event.epoch}/{event.epochs}", losses, event.message)
    print(f"{event.state.value}: " + "; ".join(part for part in parts if part), flush=True)
