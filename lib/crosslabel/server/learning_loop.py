"""The loop beside the requests: looks at every task each second and has it learn when there is something to learn."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from crosslabel.errors import CrossLabelError
from crosslabel.learning import Action, Decision, Situation, decide
from crosslabel.learning.decision import MOST_ATTEMPTS
from crosslabel.learning.final_labels import training_labels
from crosslabel.learning.held_back import FEWEST
from crosslabel.learning.label_facts import LabelFacts, facts_of
from crosslabel.learning.pool_scan import scan_name
from crosslabel.optimisation import RESUME_FILE, State, read_progress
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.jobs import TrainingJobs
from crosslabel.server.learning_job import ROUND, SCORE, is_round
from crosslabel.server.version_records import VersionRecords
from crosslabel.store import Switch
from crosslabel.tasks import TaskSpec

logger = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
# Whether the pool has changed is a larger question than whether a label came.
_LOOK_AT_POOL_EVERY_SECONDS = 15.0
_SCORE_AGAIN_SECONDS = 600.0
_REMEMBERED_SECONDS = 10.0


@dataclass
class _Memory:
    """What the loop remembers of a task between two looks."""

    signature: Any = None
    facts: LabelFacts | None = None
    attempts: int = 0
    attempted: Any = None
    epoch_of_attempt: int = 0
    # The name under which scores are kept, the images that have none under it, and when that was found out.
    outdated: tuple[str, list[str]] = ("", [])
    outdated_known: float = -1e9
    computed: tuple[Any, float, Any] = (None, -1e9, None)
    asked_to_score: tuple[tuple[str, list[str]], float] | None = None


class LearningLoop:
    """Decides for each task of an app, and starts what was decided through its jobs.

    Args:
        app: the app.
        jobs: its background trainings.
    """

    def __init__(self, app: CrossLabelApp, jobs: TrainingJobs) -> None:
        self.app = app
        self.jobs = jobs
        self.records = VersionRecords(app.store)
        self._memory = {name: _Memory() for name in app.tasks}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="learning", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End; what runs in other processes goes on."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def switch(self, task: TaskSpec) -> Switch:
        """Where a task's switch stands."""
        return self.app.datastore().store.switches.get(task.name) or Switch(task.active_learning.switch)

    def set_switch(self, task: TaskSpec, switch: Switch, *, author: str) -> None:
        """Move it; a running round sees it within a second."""
        self.app.datastore().store.switches.set(task.name, switch, author=author)
        if switch is Switch.ON:
            # A look at the pool that the switch ended is taken up at once, too.
            memory = self._memory[task.name]
            memory.attempts, memory.asked_to_score = 0, None

    def decision(self, task: TaskSpec) -> Decision:
        """What would be done now."""
        return decide(self._situation(task, self._memory[task.name]), task.active_learning)

    def remembered(self, task: TaskSpec, key: Any, compute: Callable[[], Any]) -> Any:
        """What clients ask for again and again and reads all scores: computed anew for other labels, or after a while."""
        memory = self._memory[task.name]
        key = (key, memory.signature)
        known, when, value = memory.computed
        if known != key or time.monotonic() - when > _REMEMBERED_SECONDS:
            value = compute()
            memory.computed = (key, time.monotonic(), value)
        return value

    def facts(self, task: TaskSpec) -> LabelFacts:
        """Counts of a task's labels, as they are now."""
        memory, store = self._memory[task.name], self.app.datastore().store
        newest = max(self.app.store.versions(task), key=lambda version: version.number, default=None)
        signature = (store.labels.signature(task.name), newest)
        if memory.facts is None or memory.signature != signature:
            labels = training_labels(store, task, self.app.train_tasks[task.name].policy)
            record = None if newest is None else self.records.of(newest)
            memory.facts = facts_of(task, labels, record, FEWEST)
            memory.signature = signature
        return memory.facts

    def step(self, task: TaskSpec) -> Decision:
        """Look at one task and do what follows."""
        memory = self._memory[task.name]
        decision = self.decision(task)
        action = decision.action
        try:
            if action in (Action.TRAIN, Action.RESUME):
                self._remember_attempt(task, memory)
                self.jobs.start_own(task.name, {ROUND: True, "resume": action is Action.RESUME})
            elif action is Action.SCORE:
                self.jobs.start_own(task.name, {SCORE: True})
                memory.asked_to_score = (memory.outdated, time.monotonic())
                memory.outdated_known = -1e9
        except CrossLabelError as error:
            return Decision(Action.WAIT, str(error))
        return decision

    def _run(self) -> None:
        while not self._closing.wait(_TICK_SECONDS):
            for task in self.app.tasks.values():
                try:
                    self.step(task)
                except (CrossLabelError, OSError) as error:
                    logger.warning("Learning of %s: %s", task.name, error)
                except Exception:
                    # A defect in what is known of one task must not end the learning of all.
                    logger.exception("Learning of %s", task.name)

    def _situation(self, task: TaskSpec, memory: _Memory) -> Situation:
        trained, runs = self.jobs.trained(), bool(self.jobs.alive())
        busy = task.name in trained
        facts = self.facts(task)
        run = self.app.train_tasks[task.name].latest_run()
        event = read_progress(run) if run is not None else None
        unfinished = run is not None and event is not None and _unfinished(run, event)
        if memory.attempted != memory.signature:
            memory.attempts = 0
        since = None
        if facts.newest is not None:
            since = (datetime.now(timezone.utc) - facts.newest).total_seconds()
        return Situation(
            switch=self.switch(task),
            new_labels=facts.new,
            seconds_since_label=since,
            busy=busy,
            others_busy=bool(trained) and not busy,
            unfinished=unfinished,
            attempts=memory.attempts,
            unscored=not runs and self._unscored(task, memory, facts),
            obstacle=facts.obstacle,
        )

    def _remember_attempt(self, task: TaskSpec, memory: _Memory) -> None:
        """Attempts that got further than the one before are no vain ones."""
        run = self.app.train_tasks[task.name].latest_run()
        event = read_progress(run) if run is not None else None
        epoch = 0 if event is None else event["epoch"]
        vain = memory.attempted == memory.signature and epoch <= memory.epoch_of_attempt
        memory.attempts = min(MOST_ATTEMPTS, memory.attempts + 1) if vain else 1
        memory.attempted, memory.epoch_of_attempt = memory.signature, epoch

    def _scan_name(self, task: TaskSpec) -> str:
        return scan_name(task, self.app.store.current(task))

    def _unscored(self, task: TaskSpec, memory: _Memory, facts: LabelFacts) -> bool:
        """Whether the pool is to be looked at, for a task that somebody works on."""
        if not facts.final and task.name not in self.app.worked_on:
            return False
        now, name = time.monotonic(), self._scan_name(task)
        if now - memory.outdated_known >= _LOOK_AT_POOL_EVERY_SECONDS or memory.outdated[0] != name:
            store = self.app.datastore().store
            waiting = store.worklist.ids(task.name, task.eligible)
            memory.outdated = (name, store.pool_scans.outdated(task.name, name, waiting) if waiting else [])
            memory.outdated_known = now
        asked = memory.asked_to_score
        if asked is not None and asked[0] == memory.outdated and self.jobs.last_look_ended(task.name):
            # It scored none of them, and would score none if it were asked again at once.
            return now - asked[1] >= _SCORE_AGAIN_SECONDS
        return bool(memory.outdated[1])


def _unfinished(run: Path, event: dict[str, Any]) -> bool:
    """A round whose process is gone before its end, and that can be gone on with."""
    state = State(event["state"])
    if not is_round(run) or state in (State.FINISHED, State.FAILED):
        return False
    return state is not State.CANCELLED or (run / RESUME_FILE).is_file()
