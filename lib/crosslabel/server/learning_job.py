"""What the learning loop has done in a process of its own: a round of training, then a look at the pool."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case, labelled_cases
from crosslabel.errors import CrossLabelError
from crosslabel.files import write_json
from crosslabel.learning import LearningRound, PoolScanner
from crosslabel.learning.final_labels import final_cases
from crosslabel.optimisation import ProgressEvent
from crosslabel.server.inference_signal import InferenceSignal
from crosslabel.server.studies import Studies
from crosslabel.server.trainer_controls import TrainerControls
from crosslabel.store import TrainingPolicy
from crosslabel.tasks import TaskSpec

# Names in a request, and of the mark in a run's folder.
ROUND, SCORE = "learning_round", "score_pool"
_MARK, _SCAN = "round.json", "scan.json"
_WRITE_EVERY_SECONDS = 1.0
_NICE = 10
_MOST_OF_A_SOURCE = 20


class LearningJob:
    """One task's round, or look at the pool, in this process.

    Args:
        task: what is learnt.
        models: of the checkpoints.
        policy: which labels train.
        sources: labelled folders of source images, which are replayed.
    """

    def __init__(self, task: TaskSpec, models: ModelStore, policy: TrainingPolicy, sources: Iterable[Path] = ()) -> None:
        self.task = task
        self.models = models
        self.policy = policy
        self.sources = tuple(sources)

    def run(
        self,
        request: Mapping[str, Any],
        studies: Studies,
        run_dir: Path,
        told_to_end: Callable[[], bool],
        on_event: Callable[[ProgressEvent], None],
    ) -> None:
        """Do what the request asks for.

        Args:
            request: with :data:`ROUND` a round and then a look at the pool, with :data:`SCORE` the look alone; ``resume``.
            studies: with the labels and the pool.
            run_dir: folder of the round.
            told_to_end: asked after every step and every image.
            on_event: called with every progress event of the round.

        Raises:
            CrossLabelError: what is wrong with the labels or the settings.
        """
        _be_nice()
        signal = InferenceSignal(self.models.folder)
        controls = TrainerControls(studies.store, self.task.name, signal, told_to_end, obeys_switch=True)
        if request.get(ROUND):
            write_json(run_dir / _MARK, {"task": self.task.name})
            store = studies.store
            waiting = store.worklist.ids(self.task.name, self.task.eligible)
            learning = LearningRound(
                self.task,
                final_cases(store, self.task, self.policy),
                self.models,
                run_dir,
                replay=self._source_cases(),
                unlabelled=[store.images.get(image_id).path for image_id in waiting],
                on_event=on_event,
                cancelled=controls.cancelled,
            )
            if learning.run(resume=bool(request.get("resume"))) is None:
                return
            # Before the look at the pool, so that nobody waits for it with the news.
            print(f"{'served' if learning.verdict and learning.verdict.promoted else 'not served'}", flush=True)
        with self.models.only_trainer(self.task):
            self._look(studies, controls)

    def _source_cases(self) -> list[Case]:
        """Evenly spread over each source; many would take longer to prepare than a round takes."""
        found: list[Case] = []
        for folder in self.sources:
            try:
                cases = labelled_cases(folder, self.task)
            except CrossLabelError as error:
                # A folder of another task's labels; it is said and nothing is lost.
                print(f"not replayed: {error}", flush=True)
                continue
            found += cases[:: max(1, -(-len(cases) // _MOST_OF_A_SOURCE))]
        return found

    def _look(self, studies: Studies, controls: TrainerControls) -> None:
        progress = ScanProgress(self.models, self.task)
        scanner = PoolScanner(self.task, studies.store, self.models, on_progress=progress, cancelled=controls.cancelled)
        report = scanner.run()
        for image_id, problem in report.problems.items():
            print(f"not scored: {image_id}: {problem}", flush=True)
        progress.end(report.problems)


class ScanProgress:
    """How far a look at the pool is, in a file beside the task's versions."""

    def __init__(self, models: ModelStore, task: TaskSpec) -> None:
        self._file = models.folder / task.name / _SCAN
        self._started = self._written = time.monotonic()
        self._last = (0, 0)

    def __call__(self, done: int, total: int) -> None:
        self._last = (done, total)
        now = time.monotonic()
        if done == 0 or now - self._written >= _WRITE_EVERY_SECONDS:
            self._written = now
            elapsed = now - self._started
            eta = elapsed / done * (total - done) if done else None
            write_json(
                self._file, {"done": done, "total": total, "elapsed_seconds": elapsed, "eta_seconds": eta, "over": False}
            )

    def end(self, problems: Mapping[str, str]) -> None:
        """Note that it is over, and which images could not be scored."""
        done, total = self._last
        elapsed = time.monotonic() - self._started
        content = {"done": done, "total": total, "elapsed_seconds": elapsed, "eta_seconds": 0.0, "over": True}
        write_json(self._file, {**content, "problems": dict(problems)})


def read_scan(models: ModelStore, task: TaskSpec) -> dict[str, Any] | None:
    """What the last look at the pool wrote; None if there was none."""
    try:
        return json.loads((models.folder / task.name / _SCAN).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def is_round(run_dir: Path) -> bool:
    """Whether a run was begun by the loop, and not by a person."""
    return (run_dir / _MARK).is_file()


def _be_nice() -> None:
    """Leave the processor to the server where both want it."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
