"""Versions of every task's checkpoint, on disk."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import filelock
import torch

from crosslabel.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from crosslabel.errors import CheckpointError, CrossLabelError, NotFoundError
from crosslabel.files import sync_folder, write_json
from crosslabel.tasks import TaskSpec

# A draft is written in seconds; one this old was left by a process that was killed.
_ABANDONED_AFTER_SECONDS = 3600
_WEIGHTS, _RECORD, _CURRENT, _TRAINER = "weights.pt", "version.json", "current.json", "trainer.lock"


class BeingTrainedError(CrossLabelError):
    """Another process trains the task."""

    status = 409


@dataclass(frozen=True)
class Version:
    """A checkpoint that can be served.

    Attributes:
        task: name of the task.
        number: 1, 2, ... in order of publication; 0 for the demonstration checkpoint that ships with the project.
        path: the weights file.
    """

    task: str
    number: int
    path: Path

    @property
    def demonstration(self) -> bool:
        return self.number == 0

    @property
    def name(self) -> str:
        return f"{self.task} demonstration" if self.demonstration else f"{self.task} v{self.number}"


class ModelStore:
    """Checkpoints by task and version: ``folder/TASK/vN/{weights.pt, version.json}`` and ``folder/TASK/current.json``.

    A version appears whole or not at all, is never overwritten, and which one is served is a pointer that can be set back.
    Several processes may publish at once.

    Args:
        folder: where trained versions lie; made when the first is published.
        samples: folder of the demonstration checkpoints, served while a task has no trained version.
    """

    def __init__(self, folder: Path, samples: Path | None = None) -> None:
        self.folder = Path(folder)
        self.samples = samples

    def versions(self, task: TaskSpec) -> list[Version]:
        """The trained versions of a task, oldest first."""
        numbers = sorted(int(path.parent.name[1:]) for path in self._home(task).glob(f"v[0-9]*/{_RECORD}"))
        return [self._version(task, number) for number in numbers]

    def current(self, task: TaskSpec) -> Version | None:
        """The version to serve: the active one, else the demonstration checkpoint, else ``None``."""
        try:
            number = json.loads((self._home(task) / _CURRENT).read_text(encoding="utf-8"))["version"]
        except FileNotFoundError:
            return self.demonstration(task)
        return self._version(task, number)

    def trained(self, task: TaskSpec) -> Version | None:
        """The version to serve, if it was trained here: what a training or an adaptation goes on from."""
        version = self.current(task)
        return None if version is None or version.demonstration else version

    def load(self, task: TaskSpec, version: Version | None = None) -> Checkpoint:
        """Load a version, by default the current one.

        Raises:
            CheckpointError: the task has none, or the file does not fit the task.
        """
        chosen = version or self.current(task)
        if chosen is None:
            raise CheckpointError(
                f"Task {task.name} has no checkpoint yet, so it cannot predict; train it with "
                f"'crosslabel train {task.name} --images DIR' or annotate cases and train from the client."
            )
        return load_checkpoint(chosen.path, task, chosen.name)

    def publish(
        self,
        task: TaskSpec,
        state: dict[str, torch.Tensor],
        provenance: dict[str, Any],
        *,
        activate: bool = True,
        extras: Mapping[str, torch.Tensor] | None = None,
    ) -> Version:
        """Add a version and, by default, serve it from now on.

        Args:
            task: the task that was trained.
            state: parameters and buffers of its network.
            provenance: data, settings, metrics and code version; JSON values only.
            activate: whether it becomes the current version.
            extras: tensors beside the network, by name.
        """
        home = self._home(task)
        home.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_drafts(home)
        stamped = {"published": datetime.now(timezone.utc).isoformat(timespec="seconds"), **provenance}
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=home))
        try:
            save_checkpoint(draft / _WEIGHTS, task, state, stamped, extras)
            write_json(draft / _RECORD, stamped)
            draft.chmod(0o755)
            version = self._version(task, self._rename_to_next(home, draft))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if activate:
            self.activate(task, version.number)
        return version

    def activate(self, task: TaskSpec, number: int) -> Version:
        """Serve a published version (also to roll back).

        Raises:
            NotFoundError: there is no such version.
        """
        version = self.numbered(task, number)
        write_json(self._home(task) / _CURRENT, {"version": number})
        return version

    def numbered(self, task: TaskSpec, number: int) -> Version:
        """A published version.

        Raises:
            NotFoundError: there is no such version.
        """
        known = {version.number: version for version in self.versions(task)}
        if number not in known:
            raise NotFoundError(f"Task {task.name} has no version {number}; it has {sorted(known) or 'none yet'}.")
        return known[number]

    def record(self, version: Version) -> dict[str, Any]:
        """The provenance of a trained version, as written when it was published."""
        return json.loads((version.path.parent / _RECORD).read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def only_trainer(self, task: TaskSpec) -> Iterator[None]:
        """Hold the right to train a task, which one process has at a time; it ends with the process, also when it is killed.

        Raises:
            BeingTrainedError: another has it.
        """
        home = self._home(task)
        home.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(home / _TRAINER, blocking=False)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise BeingTrainedError(
                f"Task {task.name} is being trained by another process; wait until it has ended, or stop it."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def check_not_trained(self, task: TaskSpec) -> None:
        """Raises BeingTrainedError while a process trains the task."""
        with self.only_trainer(task):
            pass

    def _home(self, task: TaskSpec) -> Path:
        return self.folder / task.name

    def _version(self, task: TaskSpec, number: int) -> Version:
        return Version(task.name, number, self._home(task) / f"v{number}" / _WEIGHTS)

    def demonstration(self, task: TaskSpec) -> Version | None:
        """The checkpoint that ships with the project, where the task has one."""
        if task.checkpoint is None:
            return None
        path = Path(task.checkpoint)
        if not path.is_absolute():
            if self.samples is None:
                return None
            path = self.samples / path
        return Version(task.name, 0, path) if path.is_file() else None

    def _rename_to_next(self, home: Path, draft: Path) -> int:
        number = 1 + max((int(path.name[1:]) for path in home.glob("v[0-9]*")), default=0)
        while True:
            # Renaming a folder onto one that is not empty fails, so two publishers never share a number.
            with contextlib.suppress(OSError):
                draft.rename(home / f"v{number}")
                sync_folder(home)
                return number
            if not (home / f"v{number}").exists():
                raise CheckpointError(
                    f"The version v{number} cannot be written; check space and permissions of the model folder."
                )
            number += 1


def _remove_abandoned_drafts(home: Path) -> None:
    for draft in home.glob(".draft-*"):
        # Another publisher may finish or remove it meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)
