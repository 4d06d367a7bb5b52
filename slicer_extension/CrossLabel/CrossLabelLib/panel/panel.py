"""The whole panel: its sections, and the questions that come before something is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.keeping import UnsavedWorkError
from CrossLabelLib.panel import ask
from CrossLabelLib.panel.adapt_section import AdaptSection
from CrossLabelLib.panel.case_section import CaseSection
from CrossLabelLib.panel.classify_section import ClassifySection
from CrossLabelLib.panel.connect_section import ConnectSection
from CrossLabelLib.panel.correct_section import CorrectSection
from CrossLabelLib.panel.learning_section import LearningSection
from CrossLabelLib.panel.list_section import ListSection
from CrossLabelLib.panel.local_section import LocalSection
from CrossLabelLib.panel.proposal_section import ProposalSection
from CrossLabelLib.panel.recover_section import RecoverSection
from CrossLabelLib.panel.status import StatusSection
from CrossLabelLib.panel.submit_section import SubmitSection
from CrossLabelLib.panel.task_section import TaskSection
from CrossLabelLib.session import Session


class Panel:
    """Shows a session, and hands it what a person does.

    Args:
        root: the widget that holds everything, for questions to stand before.
        ui: its named widgets, as ``slicer.util.childWidgetVariables`` gives them.
        session: to show.
    """

    def __init__(self, root: Any, ui: Any, session: Session) -> None:
        self.root = root
        self.ui = ui
        self.session = session
        self.status_section = StatusSection(self)
        self.connect_section = ConnectSection(self)
        self.local_section = LocalSection(self)
        self.task_section = TaskSection(self)
        self.recover_section = RecoverSection(self)
        self.case_section = CaseSection(self)
        self.list_section = ListSection(self)
        self.proposal_section = ProposalSection(self)
        self.correct_section = CorrectSection(self)
        self.classify_section = ClassifySection(self)
        self.submit_section = SubmitSection(self)
        self.adapt_section = AdaptSection(self)
        self.learning_section = LearningSection(self)
        self.sections = [value for name, value in vars(self).items() if name.endswith("_section")]
        self._changed: set[str] = set()
        self._open = True
        session.observe(self._hear)
        for section in self.sections:
            section.show()

    def attempt(self, action: Callable[..., Any], *arguments: Any) -> bool:
        """Do what a person asked for: ask before unsaved work is lost, and show what is not possible.

        Returns:
            Whether it was done.
        """
        try:
            try:
                action(*arguments)
            except UnsavedWorkError as error:
                if not ask.discard(self.root, str(error)):
                    return False
                action(*arguments, discard=True)
        except ServerError as error:
            self.session.fail(error)
            return False
        return True

    def close(self) -> None:
        """Hear nothing more; unsaved work is kept by the session."""
        self._open = False
        self.session.close()
        self.local_section.close()

    def scene_closes(self) -> None:
        """The scene is about to be emptied: what is unsaved is offered again afterwards."""
        self.session.returning.set_aside()

    def scene_closed(self) -> None:
        """The scene is empty now."""
        self.correct_section.use_scene()

    def scene_comes(self) -> None:
        """A scene is about to be opened, or to be added to the present one."""
        if self.session.work.case is not None:
            self.session.scene.before_import()

    def scene_loaded(self) -> None:
        """A scene was opened, perhaps one that was saved with a case."""
        self.session.scene.after_import()
        self.correct_section.use_scene()
        self.session.returning.resume()

    def _hear(self, part: str) -> None:
        # Parts that change together are shown together, and only after whoever changed them is done.
        if not self._changed:
            self.session.background.later(0, self._show)
        self._changed.add(part)

    def _show(self) -> None:
        changed, self._changed = self._changed, set()
        if not self._open:
            return
        for section in self.sections:
            if changed.intersection(section.parts):
                section.show()
