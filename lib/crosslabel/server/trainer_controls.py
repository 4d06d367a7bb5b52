"""What can hold or end a training from outside its process."""

from __future__ import annotations

import time
from collections.abc import Callable

from crosslabel.server.inference_signal import InferenceSignal
from crosslabel.store import Store, StoreError, Switch

_LOOK_EVERY_SECONDS = 1.0
_NAP_SECONDS = 0.05
# Inferences that follow each other without a gap must not keep a training from ever ending.
_LONGEST_HOLD_SECONDS = 10.0


class TrainerControls:
    """Asked after every step of a training.

    Args:
        store: where the task's switch stands.
        task: name of the task.
        signal: of inferences.
        told_to_end: whether the process was asked to terminate or has lost its server.
        obeys_switch: end when the switch leaves ``on``, so that other tasks may train; a training that a person started
            goes on.
    """

    def __init__(
        self, store: Store, task: str, signal: InferenceSignal, told_to_end: Callable[[], bool], *, obeys_switch: bool
    ) -> None:
        self._store = store
        self._task = task
        self._signal = signal
        self._told_to_end = told_to_end
        self._obeys_switch = obeys_switch
        self._looked_at = 0.0
        self._switch: Switch | None = None

    def cancelled(self) -> bool:
        """Whether to end; returns late while an inference runs."""
        held_since = time.monotonic()
        while not self._told_to_end():
            if self._obeys_switch and self._current_switch() in (Switch.PAUSED, Switch.OFF):
                return True
            if not self._signal.is_raised() or time.monotonic() - held_since >= _LONGEST_HOLD_SECONDS:
                return False
            time.sleep(_NAP_SECONDS)
        return True

    def _current_switch(self) -> Switch | None:
        if time.monotonic() - self._looked_at >= _LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            try:
                self._switch = self._store.switches.get(self._task)
            except StoreError:
                # Busy or full: what was known a second ago still holds.
                return self._switch
        return self._switch
