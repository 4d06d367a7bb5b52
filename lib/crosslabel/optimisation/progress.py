"""Progress of a training run: events for whoever watches, and a file for whoever comes later or from another process."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

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
        elapsed_seconds: since the run started, earlier starts of a resumed run included.
        eta_seconds: estimated time to the end; ``None`` before the first epoch is done.
        message: one sentence for a person; why a run failed, for instance.
    """

    state: State
    epoch: int
    epochs: int
    losses: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    best_metric: float | None = None
    elapsed_seconds: float = 0.0
    eta_seconds: float | None = None
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "state": self.state.value}


class ProgressFile:
    """Writes events into a run's folder: the last one replaced in one step, all of them as one JSON line each.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def begin_anew(self) -> None:
        """Forget the events of an earlier run in the folder."""
        (self.folder / HISTORY_FILE).unlink(missing_ok=True)

    def __call__(self, event: ProgressEvent) -> None:
        with (self.folder / HISTORY_FILE).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(event.as_dict()) + "\n")
        write_json(self.folder / STATUS_FILE, event.as_dict())


def read_progress(folder: Path) -> dict[str, Any] | None:
    """The last event of a run as JSON values, or ``None`` if it has not begun."""
    try:
        return json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def read_curves(folder: Path) -> dict[str, dict[str, list[list[float]]]]:
    """``losses`` and ``metrics`` of a run: for each name, (epoch, value) pairs in order, each epoch once.

    An epoch that a resumed run went through again counts as it was the last time.
    """
    curves: dict[str, dict[str, dict[int, float]]] = {"losses": {}, "metrics": {}}
    with contextlib.suppress(FileNotFoundError), (folder / HISTORY_FILE).open(encoding="utf-8") as lines:
        measured: dict[str, float] = {}
        for line in lines:
            event = json.loads(line)
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
