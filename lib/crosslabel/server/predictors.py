"""Predictors kept loaded, one for each task."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from crosslabel.checkpoints import ModelStore, Version
from crosslabel.images import Image
from crosslabel.inference import Predictor, Result, answer, load_predictor
from crosslabel.server.inference_signal import InferenceSignal
from crosslabel.server.limits.deadline import Deadline, too_long
from crosslabel.tasks import TaskSpec

Answer = TypeVar("Answer")


class Predictors:
    """Loads a task's predictor when it is first needed and again when another checkpoint version is served.

    Each predictor answers one image at a time, which bounds memory; different tasks answer side by side.

    Args:
        store: the checkpoints.
        device: where to compute, as :func:`crosslabel.inference.pick_device` names it.
        seconds: longest time for one image, waiting for others included.
    """

    def __init__(self, store: ModelStore, device: str = "auto", seconds: float = 600.0) -> None:
        self.store = store
        self.device = device
        self.seconds = seconds
        self._deadline = Deadline()
        self._signal = InferenceSignal(store.folder)
        self._loaded: dict[str, tuple[Version, Predictor]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def predict(self, task: TaskSpec, image: Image, *, augment: bool = False) -> Result:
        """Answer one image with the task's current checkpoint.

        Args:
            task: to answer for.
            image: to answer.
            augment: segment several views, for a quality and an uncertainty; see :meth:`Segmenter.predict`.

        Raises:
            ImageError: the image does not fit the task.
            TaskError: the image's modality is unknown and matters.
            CheckpointError, TookTooLongError: as :meth:`ask`.
        """
        return self.ask(task, lambda predictor: answer(predictor, image, augment=augment))

    def ask(self, task: TaskSpec, question: Callable[[Predictor], Answer]) -> Answer:
        """Ask the task's current predictor anything, while nobody else does.

        Raises:
            CheckpointError: the task has no checkpoint, or it does not fit.
            TookTooLongError: the time is over.
        """
        lock = self._locks[task.name]
        with self._deadline.within(self.seconds):
            if not lock.acquire(timeout=self.seconds):
                raise too_long()
            try:
                with self._signal.raised():
                    return question(self._current(task))
            finally:
                lock.release()

    def _current(self, task: TaskSpec) -> Predictor:
        version = self.store.current(task)
        loaded = self._loaded.get(task.name)
        if loaded is not None and loaded[0] == version:
            return loaded[1]
        predictor = load_predictor(task, self.store, self.device, version)
        self._deadline.watch(predictor.network)
        if version is not None:
            self._loaded[task.name] = (version, predictor)
        return predictor
