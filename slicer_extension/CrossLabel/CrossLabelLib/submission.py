"""Sending what was drawn or chosen, after a look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from CrossLabelLib import checks
from CrossLabelLib.checks import Finding
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import LabelVersion, Saved

if TYPE_CHECKING:
    from CrossLabelLib.session import Session


class FindingsError(Exception):
    """There is something to look at before the label is sent.

    Attributes:
        findings: errors first.
        may_confirm: there are only warnings, so it may be sent with ``confirmed=True``.
    """

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(" ".join(finding.sentence for finding in findings))
        self.findings = findings
        self.may_confirm = all(finding.severity == "warning" for finding in findings)


class Submission:
    """Sends labels and classes of the case in hand.

    Args:
        session: that it belongs to.

    Attributes:
        saved: what the server took last of this case.
        history: versions of the case's label, oldest first, once they were asked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.saved: Saved | None = None
        self.history: list[LabelVersion] = []

    def preview(self) -> tuple[dict[str, int], list[Finding]]:
        """What exactly would be sent, in voxels by name, and what to look at; ServerError where nothing can be sent."""
        labels = self._session.need()[1].labels
        facts = self._session.scene.facts()
        return checks.sent(facts, labels), checks.findings(facts, labels)

    def submit(self, comment: str = "", *, confirmed: bool = False) -> None:
        """Send the segmentation; it stays unsaved until the server has taken it.

        Raises:
            FindingsError: there is something to look at that was not confirmed, or that stops sending.
            ServerError: nothing can be sent.
        """
        session = self._session
        client, task = session.need()
        work, case = session.work, session.work.need()
        if not case.id:
            raise ServerError("The server does not have this image yet; upload it first.", "refused")
        if session.background.busy("submit"):
            raise ServerError("The label is being sent; wait for the answer.", "busy")
        found = self.preview()[1]
        if found and not (confirmed and FindingsError(found).may_confirm):
            raise FindingsError(found)
        work.comment = comment
        # The server reads both; in NRRD nothing of the geometry is rounded, and MONAI Label knows NIfTI best.
        path = work.folder / f"submission{'.nii.gz' if session.server and session.server.stock else '.nrrd'}"
        session.scene.export(task.labels, path)
        # What the server has to take is safe on this computer until it did.
        work.keeping.keep()
        edits, checkpoint = work.keeping.edits, work.checkpoint
        session.run(
            "submit",
            f"Sending {case.id}",
            lambda job: client.save_label(task.name, case.id, path, comment, job, checkpoint),
            lambda saved: self._taken(saved, edits),
        )

    def submit_class(self, name: str, sure: bool = True, comment: str = "", slice: int | None = None) -> None:
        """Send the class; ``slice`` is the one that decided it."""
        session = self._session
        client, task = session.need()
        case = session.work.need()
        if not case.id:
            raise ServerError("The server does not have this image yet; upload it first.", "refused")
        if name not in task.classes:
            raise ServerError(f"Choose one of {', '.join(task.classes)}.", "refused")
        session.run(
            "submit",
            f"Sending {case.id}",
            lambda job: client.save_class(task.name, case.id, name, sure, comment, slice),
            lambda saved: self._taken(saved, session.work.keeping.edits),
        )

    def list_history(self) -> None:
        """Get the versions of the case's label."""
        session = self._session
        client, task = session.need()
        case = session.work.need()

        def done(history: list[LabelVersion]) -> None:
            self.history = history
            session.notify("history")

        session.run("history", "", lambda job: client.history(task.name, case.id), done)

    def reset(self) -> None:
        """Another case."""
        self.saved, self.history = None, []
        self._session.notify("saved", "history")

    def _taken(self, saved: Saved, edits: int) -> None:
        session = self._session
        in_hand = session.work.case
        if in_hand is None or in_hand.id != saved.image:
            return
        self.saved = saved
        session.work.keeping.sent(edits)
        session.work.labelled()
        session.notify("saved")
