"""What one annotator has in hand: server, task, case, and what runs in the background; free of Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from CrossLabelLib.autosave import Autosave
from CrossLabelLib.background import Background, Job
from CrossLabelLib.casework import CaseWork
from CrossLabelLib.client.api import Client
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import Cases, Server, Task
from CrossLabelLib.client.transport import Transport
from CrossLabelLib.prediction import Prediction
from CrossLabelLib.returning import Returning
from CrossLabelLib.settings import Settings
from CrossLabelLib.submission import Submission
from CrossLabelLib.watch import Watch

logger = logging.getLogger(__name__)

# What a listener is told has changed.
PARTS = (
    "server",  # server, online, task list
    "task",
    "cases",  # the page of the list
    "batch",  # cases in hand that wait
    "case",  # another case, or its state
    "proposal",
    "class",
    "map",
    "unsaved",
    "saved",  # a label or class was taken by the server
    "history",
    "lost",  # work of a crashed session that was found
    "learning",
    "adaptation",
    "busy",  # something began, ended, or got on
    "error",  # error
)


class Session:
    """The state machine of one annotator; call its methods on the main thread only.

    Nothing waits: methods start work in the background and return, and listeners are told which part changed. What goes
    wrong is in ``error``. :attr:`work` is about the case in hand, :attr:`prediction` about what the model says of it,
    :attr:`submission` about sending it, :attr:`returning` about work of earlier sessions, :attr:`watch` about what the
    server learns.

    Args:
        scene: of Slicer.
        background: runs the requests.
        autosave: keeps unsaved work; by default in the settings' folder.
        settings: of the person.
        client: a function that makes a client from an address and a token; by default a real one.

    Attributes:
        server: None before it answered, kept while it is away.
        online: it answered the last time.
        task: the chosen task.
        cases: the page of the list that was asked for.
        error: the last one, None after the next success.
        activity: what runs in the foreground, in words; empty if nothing.
        progress: (done, total) bytes of it, or None.
    """

    def __init__(
        self,
        scene: Any,
        background: Background,
        autosave: Autosave | None = None,
        settings: Settings | None = None,
        client: Callable[[str, str], Client] | None = None,
    ) -> None:
        self.scene = scene
        self.background = background
        self.settings = settings or Settings()
        self.client: Client | None = None
        self.server: Server | None = None
        self.online = False
        self.task: Task | None = None
        self.cases: Cases | None = None
        self.error: ServerError | None = None
        self.activity = ""
        self.progress: tuple[int, int | None] | None = None
        self._new_client = client or self._default_client
        self._listeners: list[Callable[[str], None]] = []
        self.prediction = Prediction(self)
        self.submission = Submission(self)
        self.work = CaseWork(self, autosave or Autosave(self.settings.autosave_folder))
        self.returning = Returning(self)
        self.watch = Watch(self)

    def observe(self, listener: Callable[[str], None]) -> None:
        """Have a function called with the name of each part of :data:`PARTS` that changes."""
        self._listeners.append(listener)

    def notify(self, *parts: str) -> None:
        for part in parts:
            for listener in list(self._listeners):
                try:
                    listener(part)
                except Exception:
                    logger.exception("a listener failed for %s", part)

    @property
    def url(self) -> str:
        return self.client.transport.url if self.client else ""

    def connect(self, url: str, token: str = "", *, discard: bool = False) -> None:
        """Connect to a server, to another one or anew.

        Raises:
            UnsavedWorkError: it is another server and the case holds unsaved work.
        """
        try:
            client = self._new_client(url, token or self.settings.token(url))
        except ServerError as error:
            self.fail(error)
            return
        if self.work.case is not None and client.transport.url != self.url:
            self.work.leave(discard=discard)
        self.run("connect", "Connecting", lambda job: client.connect(), lambda server: self._connected(client, server))

    def disconnect(self, *, discard: bool = False) -> None:
        """Forget the server; nothing is sent any more."""
        self.work.leave(discard=discard)
        self.background.cancel()
        self.watch.stop()
        self.client, self.server, self.task, self.cases, self.online = None, None, None, None, False
        self._idle()
        self.notify("server", "task", "cases")

    def choose_task(self, name: str, *, discard: bool = False) -> None:
        """Work on another task; the case in hand belongs to the old one and is closed.

        Raises:
            UnsavedWorkError: the case holds unsaved work.
        """
        task = self.server.task(name) if self.server else None
        if task is None:
            self.fail(ServerError(f"The server has no task '{name}'; choose another one.", "missing"))
            return
        if self.task is not None and task.name != self.task.name:
            self.work.leave(discard=discard)
        self.task, self.cases = task, None
        self.notify("task", "cases")
        self.watch.restart()

    def missing(self, feature: str) -> str:
        """Why the server does not offer a feature, in a sentence; empty if it does, or there is no server."""
        return self.server.missing.get(feature, "") if self.server else ""

    def list_cases(self, state: str | None = None, text: str = "", offset: int = 0, limit: int = 100) -> None:
        """Get a page of the case list into ``cases``; a later call replaces one that still runs."""
        client, task = self.need()
        self.run("cases", "", lambda job: client.cases(task.name, state, text, offset, limit), self._listed)

    def close(self) -> None:
        """End: what is unsaved is kept, and nothing arrives any more."""
        self.work.close()
        self.watch.stop()
        self.background.cancel()
        self._listeners.clear()

    def need(self) -> tuple[Client, Task]:
        """Client and task; raises ServerError where there is none yet."""
        if self.client is None or self.server is None:
            raise ServerError("Connect to a server first.", "unreachable")
        if self.task is None:
            raise ServerError("Choose a task first.", "refused")
        return self.client, self.task

    def run(
        self,
        name: str,
        activity: str,
        work: Callable[[Job], Any],
        done: Callable[[Any], None],
        failed: Callable[[ServerError], None] | None = None,
    ) -> Job:
        """Run a request in the background.

        Args:
            name: work of the same name that still runs is cancelled.
            activity: what is shown meanwhile; nothing is where it is empty.
            work: in a thread.
            done: on the main thread, with what it returned; a ServerError that it raises is shown as well.
            failed: on the main thread, before the error is shown.
        """

        def succeeded(result: Any) -> None:
            self._end(activity)
            self._reached(True)
            self._forgive()
            try:
                done(result)
            except ServerError as error:
                self.fail(error)

        def broke(error: ServerError) -> None:
            self._end(activity)
            if failed is not None:
                failed(error)
            self.fail(error)

        if activity:
            self.activity, self.progress = activity, None
            self.notify("busy")
        return self.background.run(work, succeeded, broke, self._advance if activity else None, replaces=name)

    def cancel(self) -> None:
        """Stop what runs in the foreground, and drop its answer."""
        # What is being saved is not dropped half way.
        for name in ("connect", "local", "case", "batch", "further", "upload", "proposal", "class", "map", "report"):
            self.background.cancel(name)
        self._idle()

    def fail(self, error: ServerError) -> None:
        """Show an error, and notice that the server is away."""
        if error.kind == "cancelled":
            return
        if error.kind in ("unreachable", "timeout") and self.server is not None:
            self._reached(False)
        self.error = error
        self.notify("error")

    def renew(self, server: Server) -> None:
        """The server answered anew what it offers: it is there, and other weights may predict."""
        self.server, self.online = server, True
        self.notify("server")
        task = server.task(self.task.name) if self.task else None
        if task is not None and task != self.task:
            self.task = task
            self.notify("task")

    def _connected(self, client: Client, server: Server) -> None:
        self.client, self.server, self.online = client, server, True
        self.settings.used(client.transport.url, client.transport.token)
        chosen = self.task.name if self.task else None
        self.task = server.task(chosen) if chosen else None
        self.notify("server", "task")
        self.returning.resume()
        if self.task is None and len(server.tasks) == 1:
            self.choose_task(server.tasks[0].name)
        self.watch.restart()

    def _listed(self, cases: Cases) -> None:
        self.cases = cases
        self.notify("cases")

    def _reached(self, reached: bool) -> None:
        if self.server is not None and self.online != reached:
            self.online = reached
            self.notify("server")

    def _forgive(self) -> None:
        if self.error is not None:
            self.error = None
            self.notify("error")

    def _advance(self, done: int, total: int | None) -> None:
        self.progress = (done, total)
        self.notify("busy")

    def _end(self, activity: str) -> None:
        if activity and self.activity == activity:
            self._idle()

    def _idle(self) -> None:
        self.activity, self.progress = "", None
        self.notify("busy")

    def _default_client(self, url: str, token: str) -> Client:
        certificate = self.settings.get("certificate")
        transport = Transport(url, token, verify=str(Path(certificate)) if certificate else True)
        return Client(transport, self.settings.get("person"))
