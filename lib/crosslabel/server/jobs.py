"""Training in a background process: start, look, stop."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

import psutil
from monailabel.utils.async_tasks import utils as background

from crosslabel.errors import CrossLabelError
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.learning_job import SCORE
from crosslabel.server.train_task import ALIVE, SERVER, new_run_name

# The step in hand is finished and the state to resume from is already on disk.
_SECONDS_TO_END = 10.0
_SECONDS_TO_BEGIN = 2.0


class AlreadyRunningError(CrossLabelError):
    """A training runs, and the request did not ask to wait for it."""

    status = 409


class TrainingJobs:
    """The background trainings of one app; they run one after another.

    A look at the pool gives way to any training: what it has scored stays, and the learning loop has the rest scored later.

    Args:
        app: whose tasks are trained.
    """

    def __init__(self, app: CrossLabelApp) -> None:
        self.app = app
        self._submitting = threading.Lock()

    def start(self, training: str, params: Mapping[str, Any], *, enqueue: bool) -> dict[str, Any]:
        """Start training a task, or let it wait for the one that runs.

        Args:
            training: its name, which is that of a served task or of its adaptation.
            params: settings, see :meth:`StudiesTrainTask.config`.
            enqueue: wait instead of refusing.

        Raises:
            AlreadyRunningError: a training runs and ``enqueue`` is false.
            BeingTrainedError: a process that this server did not start trains the task.
            CrossLabelError: a setting is wrong, or there is nothing to learn from.
        """
        # Anything else would reach the background process, where MONAI Label takes a folder of code from it.
        settings = {name: value for name, value in params.items() if name in self.app.train_tasks[training].accepted}
        self.app.train_tasks[training].check(settings, self.app.datastore())
        with self._submitting:
            self._end_look()
            alive = self.alive()
            if alive and not enqueue:
                task = self.app.train_tasks[alive[0]["request"]["model"]].task.name
                raise AlreadyRunningError(
                    f"Task {task} is being trained; wait for it, stop it with DELETE /train/, or add enqueue=true."
                )
            if not alive:
                # A trainer whose server was killed ends after its step in hand; until then a second one would meet it.
                self.app.store.check_not_trained(self.app.train_tasks[training].task)
            return _submit({**settings, "model": training})

    def start_own(self, task: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Start what the server itself wants done for a task; never waits for another.

        Raises:
            AlreadyRunningError: a training runs.
            BeingTrainedError: a process that this server did not start trains the task.
        """
        with self._submitting:
            if not request.get(SCORE):
                self._end_look()
            if self.alive():
                raise AlreadyRunningError("Another training runs.")
            self.app.store.check_not_trained(self.app.tasks[task])
            return _submit({**request, "model": task})

    def alive(self) -> list[dict[str, Any]]:
        """Jobs that run or wait, the running one first."""
        return [job for job in background.tasks("train") if job["status"] in ALIVE]

    def all(self) -> list[dict[str, Any]]:
        """Every job since the server started, oldest first, with the last lines that each wrote."""
        return [_snapshot(job) for job in background.tasks("train")]

    def trained(self) -> list[str]:
        """What is trained now or waits for it, without looks at the pool."""
        return [job["request"]["model"] for job in self.alive() if not job["request"].get(SCORE)]

    def last_look_ended(self, task: str) -> bool:
        """Whether the last look at a task's pool that was asked for ended by itself, and did not give way to a training."""
        looks = [job for job in background.tasks("train") if job["request"].get(SCORE) and job["request"]["model"] == task]
        return bool(looks) and looks[-1]["status"] not in (*ALIVE, "STOPPED")

    def _end_look(self) -> None:
        deadline = time.monotonic() + _SECONDS_TO_BEGIN
        # Its process is not there in the moment after it was asked for.
        while any(job["request"].get(SCORE) for job in self.alive()) and self.stop() is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)

    def stop(self) -> dict[str, Any] | None:
        """End the running training so that it can be resumed; ``None`` if none runs.

        A training that does not end by itself in ten seconds is killed.
        """
        running = next(iter(list(background.processes("train").items())), None)
        if running is None:
            return None
        name, process = running
        job = next(job for job in background.tasks("train") if job["id"] == name)
        # Before the process ends: its watcher turns a job that still says RUNNING into DONE or ERROR.
        job["status"] = "STOPPED"
        process.terminate()
        try:
            process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            _kill(process.pid)
        return _snapshot(job)

    def shut_down(self) -> None:
        """End the running training and drop those that wait; they would keep the server from exiting."""
        for executor in background.background_executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        self.stop()


def _submit(request: Mapping[str, Any]) -> dict[str, Any]:
    named = {**request, "run": new_run_name(), SERVER: os.getpid()}
    return _snapshot(background.run_background_task(named, "train"))


def _snapshot(job: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that the watcher of the process no longer changes."""
    copy = dict(job)
    if "details" in copy:
        copy["details"] = list(copy["details"])
    return copy


def _kill(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for child in (*process.children(recursive=True), process):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
