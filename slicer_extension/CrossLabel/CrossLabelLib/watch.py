"""What the server learns: its state, followed while the panel is open, and what a person does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.learning_results import AdaptationState, LearningState

if TYPE_CHECKING:
    from CrossLabelLib.session import Session

_AWAY_SECONDS = 5


class Watch:
    """Asks for the state every few seconds, which also notices that a server is lost and that it is back.

    Args:
        session: that it belongs to.

    Attributes:
        learning: newest state of the task's learning loop; None before.
        adaptation: newest state of its adaptation; None before, and where the server offers none.
        problem: why the state is not known, in a sentence; empty where it is.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.learning: LearningState | None = None
        self.adaptation: AdaptationState | None = None
        self.problem = ""
        self._round = 0
        # Which weights predict may have changed since the server was asked what it offers.
        self._stale = False

    def restart(self) -> None:
        """Follow the session's task from now on."""
        self._round += 1
        self.learning = self.adaptation = None
        self._session.notify("learning", "adaptation")
        self._ask(self._round)

    def stop(self) -> None:
        self._round += 1
        self._session.background.cancel("watch")

    def refresh(self) -> None:
        """Ask now."""
        self._round += 1
        self._ask(self._round)

    def switch(self, value: str) -> None:
        """Let the server train by itself: ``on``, ``paused`` or ``off``."""
        client, task = self._session.need()
        self._do("Switching", lambda: client.switch(task.name, value))

    def train(self) -> None:
        client, task = self._session.need()
        self._do("Starting a training", lambda: client.train(task.name))

    def stop_training(self) -> None:
        client, _ = self._session.need()
        self._do("Stopping the training", client.stop_training)

    def activate(self, number: int) -> None:
        """Let another version predict, such as an earlier one."""
        client, task = self._session.need()
        self._do("Changing the version", lambda: client.activate(task.name, number))

    def adapt(self, source: str, method: str | None = None, **settings: Any) -> None:
        """Start adapting from labelled images of the server."""
        client, task = self._session.need()
        self._do("Starting an adaptation", lambda: client.start_adaptation(task.name, source, method, **settings))

    def stop_adaptation(self) -> None:
        client, task = self._session.need()
        self._do("Stopping the adaptation", lambda: client.stop_adaptation(task.name))

    def report(self, opened: Any) -> None:
        """Get the adaptation's report and hand its file to a function, such as one that opens a browser."""
        client, task = self._session.need()
        folder = self._session.work.folder
        self._session.run("report", "Getting the report", lambda job: client.report(task.name, folder, job), opened)

    def _do(self, activity: str, call: Any) -> None:
        self._session.run("act", activity, lambda job: call(), lambda answer: self.refresh())

    def _ask(self, number: int) -> None:
        session = self._session
        client, task, server = session.client, session.task, session.server
        if number != self._round or client is None or server is None:
            return

        stale = self._stale

        def work(job: object) -> tuple[Any, LearningState | None, AdaptationState | None]:
            found = client.connect() if stale or not session.online or task is None else server
            if task is None:
                return found, None, None
            adapts = "adaptation" not in server.missing
            return found, client.learning(task.name), client.adaptation(task.name) if adapts else None

        session.background.run(
            work, lambda state: self._arrived(number, *state), lambda error: self._failed(number, error), replaces="watch"
        )

    def _arrived(self, number: int, server: Any, learning: LearningState | None, adaptation: AdaptationState | None) -> None:
        if number != self._round:
            return
        session = self._session
        if server != session.server or not session.online:
            session.renew(server)
        self._stale = self._weights(learning, adaptation) != self._weights(self.learning, self.adaptation)
        if learning != self.learning or self.problem:
            self.learning, self.problem = learning, ""
            session.notify("learning")
        if adaptation != self.adaptation:
            self.adaptation = adaptation
            session.notify("adaptation")
        self._again(number, session.settings.get("refresh_seconds"))

    @staticmethod
    def _weights(learning: LearningState | None, adaptation: AdaptationState | None) -> tuple[Any, ...]:
        """What differs once other weights predict."""
        active = [version.number for version in learning.versions if version.active] if learning else []
        run = adaptation.run if adaptation else None
        return active, run and (run.name, run.state)

    def _failed(self, number: int, error: ServerError) -> None:
        if number != self._round:
            return
        session = self._session
        if self.problem != error.sentence:
            self.problem = error.sentence
            session.notify("learning")
        away = error.kind in ("unreachable", "timeout", "unauthorized")
        if away and session.online:
            session.online, session.error = False, error
            session.notify("server", "error")
        elif not away and not session.online:
            # Whoever refuses is there.
            session.online = True
            session.notify("server")
        self._again(number, _AWAY_SECONDS)

    def _again(self, number: int, seconds: float) -> None:
        self._session.background.later(int(seconds * 1000), lambda: self._ask(number))
