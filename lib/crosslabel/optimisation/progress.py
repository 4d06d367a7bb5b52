"""Progress of a training run: events for whoever watches, and a file for whoever comes later or from another process."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from crosslabel.errors import CrossLabelError
from crosslabel.files import write_json

STATUS_FILE = "progress.json"
HISTORY_FILE = "progress.jsonl"


class State(str, Enum):
    """Where a run stands."""

    PREPARING = "preparing"
    TRAINING = "training"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        return self in (State.FINISHED, State.CANCELLED, State.FAILED)


@dataclass(frozen=True)
class ProgressEvent:
    """One step of progress.

    Attributes:
        state: where the run stands.
        epoch: epochs done.
        epochs: epochs in all.
        losses: mean losses of the last epoch, by name.
        metrics: metrics of the last validation, by name; empty before the first.
        best_metric: best value so far of the metric that decides.
        elapsed_seconds: of the epochs, those of earlier starts of a resumed run included.
        job_seconds: of the whole job: preparing and fitting count, and so does what earlier starts of it took.
        eta_seconds: estimated time to the end, while an image-level method is fitted to the end of that; ``None`` before the
            first epoch is done.
        message: one sentence for a person; why a run failed, for instance.
        set_aside: why a case cannot be used, by its name; told once, as soon as all were looked at.
    """

    state: State
    epoch: int
    epochs: int
    losses: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    best_metric: float | None = None
    elapsed_seconds: float = 0.0
    job_seconds: float = 0.0
    eta_seconds: float | None = None
    message: str = ""
    set_aside: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "state": self.state.value}


class ProgressFile:
    """Writes events into a run's folder: the last one replaced in one step, all of them as one JSON line each.

    Args:
        folder: the run's folder.

    Raises:
        CrossLabelError: the folder's name, or that of one above it, is a file's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise CrossLabelError(f"A run needs a folder, and {folder} is a file or lies below one; give another.") from error

    def begin_anew(self) -> None:
        """Forget the events of an earlier run in the folder."""
        (self.folder / HISTORY_FILE).unlink(missing_ok=True)

    def __call__(self, event: ProgressEvent) -> None:
        with (self.folder / HISTORY_FILE).open("ab+") as lines:
            # A process that was killed may have left half a line behind.
            torn = lines.seek(0, os.SEEK_END) > 0 and _last_byte(lines) != b"\n"
            lines.write(b"\n" * torn + json.dumps(event.as_dict()).encode() + b"\n")
        write_json(self.folder / STATUS_FILE, event.as_dict())


def read_progress(folder: Path) -> dict[str, Any] | None:
    """The last event of a run as JSON values, or ``None`` if it has not begun."""
    try:
        return json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def read_history(folder: Path) -> list[dict[str, Any]]:
    """All events of a run as JSON values, in order; what a killed process left half written is passed over."""
    try:
        lines = (folder / HISTORY_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


def read_curves(folder: Path) -> dict[str, dict[str, list[list[float]]]]:
    """``losses`` and ``metrics`` of a run: for each name, (epoch, value) pairs in order, each epoch once.

    An epoch that a resumed run went through again counts as it was the last time. What is trained while the run is prepared
    is none of it.
    """
    curves: dict[str, dict[str, dict[int, float]]] = {"losses": {}, "metrics": {}}
    measured: dict[str, float] = {}
    for event in read_history(folder):
        if event["state"] == State.PREPARING.value:
            continue
        for name, value in event["losses"].items():
            curves["losses"].setdefault(name, {})[event["epoch"]] = value
        if event["metrics"] != measured:
            measured = event["metrics"]
            for name, value in measured.items():
                curves["metrics"].setdefault(name, {})[event["epoch"]] = value
    return {
        kind: {name: [[epoch, values[epoch]] for epoch in sorted(values)] for name, values in of_kind.items()}
        for kind, of_kind in curves.items()
    }


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
