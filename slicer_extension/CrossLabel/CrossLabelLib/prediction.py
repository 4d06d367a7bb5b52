"""What the model says about the case in hand: segmentation, class, and maps of why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import ClassAnswer, MapFile, Proposal

if TYPE_CHECKING:
    from CrossLabelLib.client.job import Job
    from CrossLabelLib.session import Session

_TITLES = {"heatmap": "Why", "uncertainty": "Uncertainty"}


class Prediction:
    """Asks the server to predict the case in hand.

    Args:
        session: that it belongs to.

    Attributes:
        proposal: the newest predicted segmentation; in the scene unless it is ``waiting``.
        waiting: the proposal came after somebody had begun to draw, and waits for :meth:`show_proposal`.
        answer: the predicted class.
        map: that lies over the image.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.proposal: Proposal | None = None
        self.waiting = False
        self.answer: ClassAnswer | None = None
        self.map: MapFile | None = None

    def propose(self, *, discard: bool = False) -> None:
        """Have the segmentation predicted and shown; UnsavedWorkError where it would replace unsaved work."""
        session = self._session
        client, task = session.need()
        session.work.keeping.check(discard=discard)
        case, file, folder = session.work.need(), session.work.unknown_image(), session.work.folder
        edits = session.work.keeping.edits

        def done(proposal: Proposal) -> None:
            self.proposal = proposal
            # Whoever began to draw meanwhile keeps what they drew.
            self.waiting = session.work.keeping.edits != edits
            if not self.waiting:
                self.show_proposal(discard=True)
            session.notify("proposal")

        session.run("proposal", "Predicting", lambda job: client.infer(task.name, case.id, folder, job, file), done)

    def show_proposal(self, *, discard: bool = False) -> None:
        """Show the newest proposal in place of what is drawn.

        Raises:
            UnsavedWorkError: it would replace unsaved work.
            ServerError: there is none, or it does not fit the image.
        """
        session, proposal = self._session, self.proposal
        session.work.keeping.check(discard=discard)
        if proposal is None:
            raise ServerError("There is no proposal yet; ask for one.", "refused")
        try:
            session.scene.show_labels(proposal.path, proposal.label_values, session.need()[1].labels)
        except ServerError:
            self.proposal, self.waiting = None, False
            raise
        finally:
            session.notify("proposal")
        self.waiting = False
        session.work.keeping.clean()
        session.work.corrects(proposal.checkpoint)

    def start_empty(self) -> None:
        """Draw by hand: an empty segment for each label that has none."""
        self._session.scene.start_empty(self._session.need()[1].labels)

    def classify(self) -> None:
        """Have the class predicted."""
        session = self._session
        client, task = session.need()
        case, file = session.work.need(), session.work.unknown_image()

        def done(answer: ClassAnswer) -> None:
            self.answer = answer
            session.notify("class")

        session.run("class", "Classifying", lambda job: client.classify(task.name, case.id, job, file), done)

    def explain(self, explanation: str = "gradcam", class_name: str | None = None) -> None:
        """Show where the model looked for a class, by default for the one that is answered."""
        session = self._session
        client, task = session.need()
        case, file, folder = session.work.need(), session.work.unknown_image(), session.work.folder
        self._lay_over(lambda job: client.heatmap(task.name, case.id, folder, explanation, class_name, job, file))

    def show_uncertainty(self) -> None:
        """Show how sure the model is, voxel by voxel."""
        session = self._session
        client, task = session.need()
        case, file, folder = session.work.need(), session.work.unknown_image(), session.work.folder
        self._lay_over(lambda job: client.uncertainty(task.name, case.id, folder, job, file))

    def style_map(self, opacity: float, threshold: float) -> None:
        """Change how the map is shown, and remember it for the next one."""
        self._session.settings.set("overlay_opacity", opacity)
        self._session.settings.set("overlay_threshold", threshold)
        self._session.scene.style_map(opacity, threshold)

    def remove_map(self) -> None:
        self._session.scene.remove_map()
        self.map = None
        self._session.notify("map")

    def jump(self, number: int) -> None:
        """Show the slice that counted so-many-th for the class, 0 the most."""
        if self.answer is not None and number < len(self.answer.slices):
            chosen = self.answer.slices[number]
            self._session.scene.jump(chosen.axis, chosen.index)

    def reset(self) -> None:
        """Another case."""
        self.proposal, self.waiting, self.answer, self.map = None, False, None, None
        self._session.notify("proposal", "class", "map")

    def _lay_over(self, get: Callable[[Job], MapFile]) -> None:
        session = self._session

        def done(found: MapFile) -> None:
            opacity, threshold = session.settings.get("overlay_opacity"), session.settings.get("overlay_threshold")
            try:
                session.scene.show_map(found.path, _TITLES[found.kind], opacity, threshold)
            finally:
                found.path.unlink(missing_ok=True)
            self.map = found
            session.notify("map")

        session.run("map", "Asking the model why", get, done)
