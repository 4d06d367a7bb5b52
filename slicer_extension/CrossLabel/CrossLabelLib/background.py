"""Work in threads whose results arrive on the main thread, as Slicer's nodes and widgets need it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job

__all__ = ["Background", "Job"]

logger = logging.getLogger(__name__)

# Short enough to be no pause for a person, long enough for a thread to read and unpack some megabytes.
_GIVE_WAY_SECONDS = 0.005
_PROGRESS_EVERY_SECONDS = 0.1

T = TypeVar("T")
Later = Callable[[int, Callable[[], None]], None]


class Background:
    """Runs work in daemon threads; call its methods on the main thread only.

    Threads put their results into a queue, and the main thread looks into it every ``poll_ms`` while something runs: nothing
    of Slicer or Qt is touched by another thread. Results of cancelled and of superseded work are dropped.

    Slicer's event loop holds Python's lock: without a pause in which Python itself waits, a thread would get on by one step
    each time that something of Python runs on the main thread, and a download would take minutes.

    Args:
        later: calls a function on the main thread after some milliseconds: ``qt.QTimer.singleShot``.
        poll_ms: how often the main thread looks, and gives way to the threads.
    """

    def __init__(self, later: Later, poll_ms: int = 20) -> None:
        self.later = later
        self._poll_ms = poll_ms
        self._finished: queue.SimpleQueue[tuple[Job, Callable[[], None]]] = queue.SimpleQueue()
        self._progress: dict[Job, tuple[Callable[[int, int | None], None], tuple[int, int | None]]] = {}
        self._running: dict[Job, str] = {}
        self._polling = False
        self._progress_told = 0.0

    def run(
        self,
        work: Callable[[Job], T],
        done: Callable[[T], None],
        failed: Callable[[ServerError], None],
        progress: Callable[[int, int | None], None] | None = None,
        *,
        replaces: str = "",
    ) -> Job:
        """Start work in a thread.

        Args:
            work: gets the job, to report how far it is and to see whether it was cancelled.
            done: gets what it returns.
            failed: gets what went wrong; a defect of the work itself arrives as a ServerError too.
            progress: gets (done, total), the newest only.
            replaces: work that was started under the same name is cancelled.
        """
        if replaces:
            self.cancel(replaces)

        def report(count: int, total: int | None) -> None:
            if progress is not None:
                self._progress[job] = (progress, (count, total))

        def thread() -> None:
            try:
                result = work(job)
            except ServerError as error:
                self._finished.put((job, _call(failed, error)))
            except OSError as error:
                sentence = f"This computer could not do it: {error.strerror or error}."
                self._finished.put((job, _call(failed, ServerError(sentence, "refused"))))
            except Exception as error:
                logger.exception("work in the background failed")
                sentence = f"The extension met a defect of its own ({type(error).__name__}: {error}); the log says more."
                self._finished.put((job, _call(failed, ServerError(sentence, "bad answer"))))
            else:
                self._finished.put((job, _call(done, result)))

        job = Job(report)
        self._running[job] = replaces
        threading.Thread(target=thread, daemon=True, name=f"CrossLabel {replaces}".strip()).start()
        self._poll_later()
        return job

    def cancel(self, name: str | None = None) -> None:
        """Cancel what runs under a name, or everything."""
        for job, replaces in self._running.items():
            if name is None or replaces == name:
                job.cancel()

    def busy(self, name: str | None = None) -> bool:
        """Whether something runs, under this name or at all, and was not cancelled."""
        return any(not job.cancelled and name in (None, replaces) for job, replaces in self._running.items())

    def _poll_later(self) -> None:
        if not self._polling:
            self._polling = True
            self.later(self._poll_ms, self._poll)

    def _poll(self) -> None:
        self._polling = False
        if self._running:
            time.sleep(_GIVE_WAY_SECONDS)
        if time.monotonic() - self._progress_told >= _PROGRESS_EVERY_SECONDS:
            self._progress_told = time.monotonic()
            for job in list(self._progress):
                call, values = self._progress.pop(job)
                self._deliver(job, _call(call, *values))
        while True:
            try:
                job, call = self._finished.get_nowait()
            except queue.Empty:
                break
            self._running.pop(job, None)
            self._progress.pop(job, None)
            self._deliver(job, call)
        # Cancelled work may hang in a request for minutes; nobody waits for it.
        for job in [job for job in self._running if job.cancelled]:
            del self._running[job]
        if self._running:
            self._poll_later()

    def _deliver(self, job: Job, call: Callable[[], None]) -> None:
        if job.cancelled:
            return
        try:
            call()
        except Exception:
            # One receiver's defect must not stop the others from hearing.
            logger.exception("a result of the background could not be shown")


def _call(function: Callable[..., None], *arguments: Any) -> Callable[[], None]:
    return lambda: function(*arguments)
