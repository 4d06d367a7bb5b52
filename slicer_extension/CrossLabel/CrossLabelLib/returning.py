"""Work of earlier sessions: what a crash left behind, and the case of a scene that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from CrossLabelLib.autosave import Work
from CrossLabelLib.casework import IN_SCENE
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import Case
from CrossLabelLib.unpacking import remove

if TYPE_CHECKING:
    from CrossLabelLib.session import Session


class Returning:
    """Brings earlier work back.

    Args:
        session: that it belongs to.

    Attributes:
        lost: work that crashed sessions had not sent, the newest first.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.lost = session.work.keeping.autosave.lost()

    def restore(self, work: Work, *, discard: bool = False) -> None:
        """Bring back what a crashed session had not sent.

        Raises:
            UnsavedWorkError: the case in hand holds unsaved work.
            ServerError: the work belongs to another server, or the server no longer has its task.
        """
        session = self._session
        session.work.keeping.check(discard=discard)
        if session.server is None or work.server != session.url:
            raise ServerError(f"This work belongs to {work.server}; connect there first.", "refused")
        if session.server.task(work.task) is None:
            raise ServerError(f"The server has no task '{work.task}' any more.", "missing")
        if session.task is None or session.task.name != work.task:
            session.choose_task(work.task, discard=discard)
        client, task = session.need()

        edits = session.work.keeping.edits

        def done(got: tuple[Case, Path, Path | None]) -> None:
            try:
                session.work.keeping.check_since(edits, got[0])
            except ServerError:
                remove(got[1])
                raise
            session.work.place(got[0], got[1])
            session.scene.restore_segmentation(Path(work.file))
            session.work.corrects(work.checkpoint)
            session.work.comment = work.comment
            # It is kept anew before the old copy goes.
            session.work.keeping.edited()
            session.work.keeping.keep()
            if session.work.keeping.kept is not None:
                self.forget(work)
            session.notify("case")

        case = Case(id=work.case)
        session.run(
            "case",
            f"Bringing back {work.case}",
            lambda job: session.work.downloaded(client, task.name, case, False, job),
            done,
        )

    def forget(self, work: Work) -> None:
        """Remove lost work for good."""
        self._session.work.keeping.autosave.forget(work)
        self.lost = [other for other in self.lost if other != work]
        self._session.notify("lost")

    def set_aside(self) -> None:
        """The scene is about to be closed, whether or not the case holds unsaved work: it is offered again as lost work."""
        session = self._session
        session.work.keeping.keep()
        session.work.keeping.autosave.set_aside()
        session.work.leave(discard=True)
        self.lost = session.work.keeping.autosave.lost()
        session.notify("lost")

    def resume(self) -> None:
        """Take up the case of a scene that was saved; call it once a scene was loaded, and it waits for its server."""
        session, scene = self._session, self._session.scene
        kept = scene.get(IN_SCENE)
        if session.work.case is not None or not isinstance(kept, dict):
            return
        if kept.get("server") != session.url:
            if session.server is not None and scene.segmentation is not None:
                sentence = (
                    f"The scene's case {kept.get('case')} belongs to {kept.get('server')}; connect there to go on with it."
                )
                session.fail(ServerError(sentence, "refused"))
            return
        task = session.server.task(str(kept.get("task"))) if session.server is not None else None
        if scene.image is None or task is None:
            return
        session.task = task
        session.work.take_up(Case(id=str(kept.get("case", ""))), str(kept.get("checkpoint", "")), str(kept.get("comment", "")))
        scene.resume()
        if scene.segmentation is not None:
            # Nobody knows whether what the file holds was sent.
            session.work.keeping.edited()
        session.notify("task")
